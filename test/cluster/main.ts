import { ensureCluster } from './cluster.ts';
import { findKind, removeKind } from './kind.ts';
import { Layout } from './local/layout.ts';
import { removeLocal } from './local/open.ts';
import { prepareLocal } from './local/start.ts';
import { say } from './progress.ts';

/** `make cluster`, `make cluster-build` and `make cluster-down`. */
const commands: Readonly<Record<string, () => Promise<void>>> = {
  up: async () => {
    const cluster = await ensureCluster();
    console.log(`export KUBECONFIG=${cluster.kubeconfig}`);
    if (cluster.kind === 'local') console.log(`export PATH=${new Layout().state}/bin:$PATH   # kubectl, helm, kubeconform`);
  },
  build: async () => {
    await prepareLocal();
  },
  down: async () => {
    const kind = (await findKind()) && (await removeKind());
    const local = await removeLocal();
    say(kind || local ? 'removed' : 'there was none');
  },
};

try {
  const command = commands[process.argv[2] ?? ''];
  if (command === undefined) throw new Error(`Usage: main.ts ${Object.keys(commands).join('|')}`);
  await command();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
