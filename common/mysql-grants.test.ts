import { expect, it } from 'vitest';
import { parseGrants } from './preflight-grants.ts';

it('reads the privileges of each scope', () => {
  const grants = parseGrants([
    'GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `sync`@`%`',
    'GRANT BACKUP_ADMIN,BINLOG_ADMIN ON *.* TO `sync`@`%`',
    'GRANT SELECT, SHOW VIEW ON `my\\_shop`.* TO `sync`@`%` WITH GRANT OPTION',
    'GRANT SELECT (`id`, `name`), INSERT ON `a`.`b` TO `sync`@`%`',
    'GRANT EXECUTE ON PROCEDURE `a`.`p` TO `sync`@`%`',
    'GRANT `reader`@`%` TO `sync`@`%`',
  ]);
  expect([...grants.keys()]).toEqual(['*.*', 'my_shop.*', 'a.b']);
  expect([...grants.get('*.*')!]).toEqual(['REPLICATION SLAVE', 'REPLICATION CLIENT', 'BACKUP_ADMIN', 'BINLOG_ADMIN']);
  expect([...grants.get('a.b')!]).toEqual(['SELECT', 'INSERT']);
});

it('reads what MariaDB prints with a password', () => {
  const grants = parseGrants(["GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `sync`@`%` IDENTIFIED BY PASSWORD '*ABC'"]);
  expect(grants.get('*.*')!.has('BINLOG MONITOR')).toBe(true);
});
