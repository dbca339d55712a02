import { describe, expect, it } from 'vitest';
import { commonLabels, matchesLabels, selectorLabels, selectorText } from './labels.ts';

describe('labels', () => {
  const naming = { instance: 'main', name: 'zookeeper', component: 'voter' };

  it('of an object contain those that select it', () => {
    expect(commonLabels(naming)).toMatchObject(selectorLabels(naming));
    expect(commonLabels(naming)['app.kubernetes.io/managed-by']).toBe('lockkeeper');
  });

  it('that select hold nothing that changes with a version', () => {
    expect(Object.keys(selectorLabels(naming)).sort()).toEqual([
      'app.kubernetes.io/component',
      'app.kubernetes.io/instance',
      'app.kubernetes.io/name',
    ]);
  });

  it('are refused when Kubernetes would refuse them', () => {
    expect(() => selectorLabels({ instance: 'x'.repeat(64), name: 'zookeeper' })).toThrow('is no label value');
    expect(() => selectorLabels({ instance: 'a b', name: 'zookeeper' })).toThrow('is no label value');
  });

  it('become a selector, the same whatever their order', () => {
    expect(selectorText({ b: '2', a: '1' })).toBe('a=1,b=2');
  });

  it('match when all are there', () => {
    expect(matchesLabels({ a: '1', b: '2' }, { a: '1' })).toBe(true);
    expect(matchesLabels({ a: '1' }, { a: '1', b: '2' })).toBe(false);
    expect(matchesLabels(undefined, {})).toBe(true);
  });
});
