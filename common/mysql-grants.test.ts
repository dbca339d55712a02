import { expect, it } from 'vitest';
import { grantedForSchema, grantedOn, parseGrants, showGrantsSql } from './mysql-grants.ts';

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

it('knows what holds for all tables of a schema', () => {
  const grants = parseGrants([
    'GRANT RELOAD ON *.* TO `sync`@`%`',
    'GRANT SELECT, INSERT ON `shop\\_%`.* TO `sync`@`%`',
    'GRANT ALL PRIVILEGES ON `Own`.* TO `sync`@`%`',
    'GRANT DELETE ON `shop_east`.`orders` TO `sync`@`%`',
  ]);
  expect(grantedForSchema(grants, 'shop_east', 'INSERT')).toBe(true);
  expect(grantedForSchema(grants, 'shop', 'INSERT')).toBe(false);
  expect(grantedForSchema(grants, 'own', 'DROP')).toBe(true);
  expect(grantedForSchema(grants, 'anything', 'RELOAD')).toBe(true);
  expect(grantedForSchema(grants, 'shop_east', 'DELETE')).toBe(false);
  expect(grantedOn(grants, 'shop_east.orders', 'DELETE')).toBe(true);
});

it('names the roles of a login where the server wants them named', () => {
  expect(showGrantsSql('mysql', '`reader`@`%`')).toBe('SHOW GRANTS FOR CURRENT_USER() USING `reader`@`%`');
  expect(showGrantsSql('mysql', 'NONE')).toBe('SHOW GRANTS');
  expect(showGrantsSql('mariadb', 'reader')).toBe('SHOW GRANTS');
});
