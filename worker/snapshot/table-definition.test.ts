import { expect, test } from 'vitest';
import { collationFor, targetDefinition, tokens, type TargetDefinitionRequest } from './table-definition.ts';

const mysqlTable = `CREATE TABLE \`or\`\`ders\` (
  \`id\` int NOT NULL AUTO_INCREMENT,
  \`note\` varchar(50) COLLATE utf8mb4_0900_ai_ci DEFAULT 'a,b) REFERENCES \`x\` (''',
  \`e\` enum('a,b','c)') DEFAULT NULL COMMENT 'KEY (,',
  \`twice\` int GENERATED ALWAYS AS ((\`id\` * 2)) VIRTUAL,
  \`h\` int DEFAULT NULL /*!80023 INVISIBLE */,
  PRIMARY KEY (\`id\`),
  UNIQUE KEY \`u\` (\`note\`),
  KEY \`n\` (\`note\`(10),\`e\`) COMMENT 'later, please',
  KEY \`byid\` (\`id\`,\`e\`),
  FULLTEXT KEY \`ft\` (\`note\`),
  CONSTRAINT \`c\` CHECK ((\`id\` > 0))
) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci COMMENT='it''s (a) table'
/*!50100 PARTITION BY HASH (\`id\`)
PARTITIONS 4 */`;

function define(createTable: string, more: Partial<TargetDefinitionRequest> = {}) {
  return targetDefinition({
    createTable,
    table: { source: { schema: 'shop', table: 'or`ders' }, target: { schema: 'dr', table: "new $& '`" } },
    flavors: { source: 'mysql', target: 'mysql' },
    referenced: () => null,
    deferIndexes: false,
    ...more,
  });
}

test('only the name changes', () => {
  const { sql, laterIndexes } = define(mysqlTable);
  expect(sql).toBe(mysqlTable.replace('CREATE TABLE `or``ders`', () => "CREATE TABLE IF NOT EXISTS `dr`.`new $& '```"));
  expect(laterIndexes).toEqual([]);
});

test('tables without transactions become InnoDB, with their partitions; text is left alone', () => {
  const { sql, replacedEngine } = define(`CREATE TABLE \`t\` (
  \`engine\` varchar(20) DEFAULT 'ENGINE=MyISAM'
) ENGINE=Aria DEFAULT CHARSET=utf8mb4 ROW_FORMAT=PAGE PAGE_CHECKSUM=1 TRANSACTIONAL=1 COMMENT='ENGINE=MyISAM ROW_FORMAT=PAGE'
 PARTITION BY RANGE (\`id\`)
(PARTITION \`a\` VALUES LESS THAN (10) ENGINE = Aria,
 PARTITION \`b\` VALUES LESS THAN MAXVALUE ENGINE = Aria)`);
  expect(replacedEngine).toBe('Aria');
  expect(sql).toContain("`engine` varchar(20) DEFAULT 'ENGINE=MyISAM'");
  expect(sql).toContain(") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='ENGINE=MyISAM ROW_FORMAT=PAGE'");
  expect(sql.match(/ENGINE = InnoDB/g)).toHaveLength(2);
  expect(define(mysqlTable).replacedEngine).toBeNull();
});

test('plain indexes are left for later, but not the one that AUTO_INCREMENT rests on', () => {
  const { sql, laterIndexes } = define(mysqlTable, { deferIndexes: true });
  expect(laterIndexes).toEqual(["KEY `n` (`note`(10),`e`) COMMENT 'later, please'"]);
  expect(sql).toContain('UNIQUE KEY `u`');
  expect(sql).toContain('KEY `byid`');
  expect(sql).toContain('FULLTEXT KEY');
  expect(sql).not.toContain('later, please');
});

const child = `CREATE TABLE \`child\` (
  \`id\` int NOT NULL,
  \`p\` int DEFAULT NULL,
  KEY \`p\` (\`p\`),
  CONSTRAINT \`fk1\` FOREIGN KEY (\`p\`) REFERENCES \`parent\` (\`id\`) ON DELETE CASCADE,
  CONSTRAINT \`fk2\` FOREIGN KEY (\`p\`) REFERENCES \`other\`.\`pa.rent\` (\`id\`),
  CONSTRAINT \`fk3\` FOREIGN KEY (\`p\`) REFERENCES \`lost\` (\`id\`)
) ENGINE=InnoDB`;

test('foreign keys follow their tables, or go', () => {
  const { sql, laterIndexes } = define(child, {
    table: { source: { schema: 'shop', table: 'child' }, target: { schema: 'dr', table: 'kind' } },
    referenced: ({ schema, table }) =>
      table === 'lost' ? null : { schema: schema === 'shop' ? 'dr' : schema, table: `${table}_2` },
    deferIndexes: true,
  });
  expect(sql).toContain('FOREIGN KEY (`p`) REFERENCES `parent_2` (`id`) ON DELETE CASCADE');
  expect(sql).toContain('FOREIGN KEY (`p`) REFERENCES `other`.`pa.rent_2` (`id`)');
  expect(sql).not.toContain('fk3');
  expect(sql).toContain('KEY `p` (`p`)');
  expect(laterIndexes).toEqual([]);
  expect(sql.startsWith('CREATE TABLE IF NOT EXISTS `dr`.`kind` (\n')).toBe(true);
  expect(sql.endsWith('\n) ENGINE=InnoDB')).toBe(true);
});

test('what the other family spells differently is translated, text is not', () => {
  const { sql } = define(mysqlTable, { flavors: { source: 'mysql', target: 'mariadb' } });
  expect(sql).toContain('COLLATE utf8mb4_uca1400_nopad_ai_ci DEFAULT');
  expect(sql).toContain('`h` int DEFAULT NULL INVISIBLE');
  expect(collationFor('mariadb', 'utf8mb4_general_ci')).toBe('utf8mb4_general_ci');
  expect(collationFor('mysql', 'utf8mb4_uca1400_nopad_as_cs')).toBe('utf8mb4_0900_as_cs');
  expect(collationFor('mysql', 'utf8mb4_uca1400_ai_ci')).toBe('utf8mb4_unicode_520_ci');
});

test('SQL is cut into names, texts, comments and the rest without loss', () => {
  const found = tokens("a `b``c` 'd''\\'e' /* f */ /*!80023 g */ \"h\"");
  expect(found.map((token) => token.kind)).toEqual(['other', 'name', 'other', 'text', 'other', 'comment', 'other', 'text']);
  expect(
    tokens(mysqlTable)
      .map((token) => token.sql)
      .join(''),
  ).toBe(mysqlTable);
});
