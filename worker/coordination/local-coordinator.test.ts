import { createLogger } from '../../common/log.ts';
import { coordinatorContract } from './coordinator.contract.ts';
import { LocalCoordinator } from './local-coordinator.ts';

coordinatorContract('LocalCoordinator', () =>
  Promise.resolve({
    coordinator: new LocalCoordinator(createLogger('silent')),
    region: 'home',
    release: () => Promise.resolve(),
  }),
);
