import { expect, it } from 'vitest';
import { tiedGroups, type ForeignTie } from './foreign-ties.ts';

/** `child>parent`, and `child>>parent` for a key that works in silence. */
function groups(text: string): string[] {
  const ties = text.split(' ').map((word): ForeignTie => {
    const [child, parent] = word.split(/>+/).map((table) => ({ schema: 's', table })) as [
      ForeignTie['child'],
      ForeignTie['parent'],
    ];
    return { child, parent, silent: word.includes('>>') };
  });
  const found = tiedGroups(ties);
  return [...new Set(found.values())].map((members) => {
    for (const member of members) expect(found.get(member)).toBe(members);
    return [...members]
      .map((name) => name.slice(2))
      .sort()
      .join('');
  });
}

it('groups all tables that hang together where one key works in silence', () => {
  expect(groups('a>b c>d')).toEqual([]);
  expect(groups('a>>b c>d')).toEqual(['ab']);
  expect(groups('a>b b>c c>>d e>f')).toEqual(['abcd']);
  expect(groups('a>>b c>d b>d e>>e')).toEqual(['abcd', 'e']);
});
