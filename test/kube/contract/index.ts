import { afterAll, beforeAll, describe } from 'vitest';
import { applyContract } from './apply.ts';
import { changesContract } from './changes.ts';
import { ContractContext, type OpenContractServer } from './context.ts';
import { customContract } from './custom.ts';
import { kindsContract } from './kinds.ts';
import { lifecycleContract } from './lifecycle.ts';
import { machineryContract } from './machinery.ts';
import { objectsContract } from './objects.ts';
import { stepsContract } from './steps.ts';
import { watchesContract } from './watches.ts';

export type { ContractServer } from './context.ts';

/**
 * What the operator takes for granted of an API server, and the operator's machinery at work on it. Run against the real one, and against
 * ours to prove that it is alike.
 */
export function kubeContract(name: string, open: OpenContractServer): void {
  describe(name, () => {
    const on = new ContractContext();
    beforeAll(() => on.open(open));
    afterAll(() => on.close());
    objectsContract(on);
    changesContract(on);
    applyContract(on);
    lifecycleContract(on);
    watchesContract(on);
    kindsContract(on);
    stepsContract(on);
    machineryContract(on);
    customContract(on);
  });
}
