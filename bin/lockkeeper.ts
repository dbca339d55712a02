import { hostname } from 'node:os';
import { Command, CommanderError, Option } from 'commander';
import { formatError, LockkeeperError, messageOf } from '../common/errors.ts';
import { ManifestError } from '../crds/manifest.ts';
import type { OperatorOptions } from '../operator/process/options.ts';
import packageJson from '../package.json' with { type: 'json' };
import type { CheckOptions } from '../worker/cli/check.ts';
import type { RunOptions } from '../worker/cli/run.ts';
import type { StatusOptions } from '../worker/cli/status.ts';
import type { WorkerOptions } from '../worker/cli/worker.ts';
import { address, connectString, dnsName, imageReference, listOf, name, objectName, seconds, workerId } from './arguments.ts';

/** Exit codes: 0 well, 1 something failed while running, 2 the arguments or manifests are wrong and nothing was done. */
const program = new Command('lockkeeper')
  .description(packageJson.description)
  .version(packageJson.version)
  .showHelpAfterError('(lockkeeper COMMAND --help shows what there is)')
  .addHelpText(
    'after',
    `
Examples:
  lockkeeper check -f orders.yaml -f secrets.yaml    what would go wrong, all at once
  lockkeeper run -f orders.yaml -f secrets.yaml      copy, follow, show progress; Ctrl-C stops without loss
  lockkeeper status --zookeeper zk1,zk2,zk3          how all pipelines do, and what needs a person

Exit codes: 0 well, 1 an error while running or found by check or status, 2 wrong arguments or manifests, nothing was done.
Every error has a code (LK1203); docs/errors.md says what it means and what to do.`,
  )
  .exitOverride();

const file = new Option(
  '-f, --file <file...>',
  'manifest files or folders (CanalInstance, SyncPipeline, Secret); - for standard input',
);

const logLevel = new Option('--log-level <level>', 'least severe log line on standard error')
  .choices(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
  .default('info')
  .env('LOCKKEEPER_LOG_LEVEL');

const authFile = new Option(
  '--zookeeper-auth-file <file>',
  'file with user:password for ZooKeeper; what this process creates there is then for that user alone (default: LOCKKEEPER_ZOOKEEPER_AUTH)',
).env('LOCKKEEPER_ZOOKEEPER_AUTH_FILE');

const ensemble = new Option('--zookeeper <hosts>', 'host:port,... of the ensemble, nearest first')
  .env('LOCKKEEPER_ZOOKEEPER')
  .argParser(connectString);

/** Of a pod, which others reach by its address. */
const podHttp = new Option('--http <host:port>', 'where /metrics, /healthz, /readyz and /status are served')
  .env('LOCKKEEPER_HTTP')
  .default('0.0.0.0:9190')
  .argParser(address);

program
  .command('run')
  .description('run the pipelines of manifest files on this machine, without Kubernetes')
  .addOption(file.makeOptionMandatory())
  .option(
    '--zookeeper <hosts>',
    'host:port,... of the ensemble through which several such processes elect leaders; none: this process leads alone',
  )
  .option('--zookeeper-timeout-seconds <seconds>', 'session timeout: how long a dead leader is believed in', seconds, 6)
  .addOption(authFile)
  .option('--region <name>', 'region of this process; it leads the pipelines of its region first')
  .option('--worker-id <id>', 'name of this process among the workers (default: host name and process id)')
  .option('--http <host:port>', 'where /metrics, /healthz, /readyz and /status are served', address, '127.0.0.1:9190')
  .addOption(
    new Option('-o, --output <format>', 'progress as a table or as JSON lines').choices(['auto', 'text', 'json']).default('auto'),
  )
  .addOption(logLevel)
  .action(async (options: RunOptions) => {
    const { run } = await import('../worker/cli/run.ts');
    process.exit(await run(options));
  });

program
  .command('check')
  .description('look at everything that pipelines need, change nothing, and report all findings at once')
  .addOption(file)
  .addOption(new Option('-o, --output <format>', 'findings for people or as JSON').choices(['text', 'json']).default('text'))
  .action(async (options: CheckOptions) => {
    const { check } = await import('../worker/cli/check.ts');
    process.exit(await check(options));
  });

program
  .command('worker')
  .description(
    'serve the pipelines of a CanalInstance: what its worker pods run; every option may also come from the environment',
  )
  .addOption(ensemble.makeOptionMandatory())
  .addOption(authFile)
  .addOption(
    new Option('--zookeeper-timeout-seconds <seconds>', 'session timeout: how long a dead worker is believed in')
      .env('LOCKKEEPER_ZOOKEEPER_TIMEOUT_SECONDS')
      .default(6)
      .argParser(seconds),
  )
  .addOption(
    new Option('--namespace <name>', 'namespace of the CanalInstance')
      .env('LOCKKEEPER_NAMESPACE')
      .default('default')
      .argParser(name),
  )
  .addOption(
    new Option('--instance <name>', 'name of the CanalInstance').env('LOCKKEEPER_INSTANCE').argParser(name).makeOptionMandatory(),
  )
  .addOption(
    new Option('--region <name>', 'region of this worker; it leads the pipelines of its region first')
      .env('LOCKKEEPER_REGION')
      .argParser(name)
      .makeOptionMandatory(),
  )
  .addOption(
    new Option('--worker-id <id>', 'name of this worker, unique in the instance')
      .env('LOCKKEEPER_WORKER_ID')
      .default(hostname(), 'the host name, which is the pod’s')
      .argParser(workerId),
  )
  .addOption(
    new Option('--secrets-dir <folder>', 'where Secrets are mounted, each as a folder of its name')
      .env('LOCKKEEPER_SECRETS_DIR')
      .default('/etc/lockkeeper/secrets'),
  )
  .addOption(podHttp)
  .addOption(logLevel)
  .action(async (options: WorkerOptions) => {
    const { worker } = await import('../worker/cli/worker.ts');
    process.exit(await worker(options));
  });

program
  .command('operator')
  .description(
    'reconcile ZkEnsembles, CanalInstances and SyncPipelines: what the operator’s pods run; every option may also come from the environment',
  )
  .addOption(
    new Option('--watch-namespaces <names>', 'the only namespaces that are looked after, as a,b; empty: all')
      .env('LOCKKEEPER_WATCH_NAMESPACES')
      .default([], 'all')
      .argParser(listOf(name)),
  )
  .addOption(
    new Option('--worker-image <image>', 'image of the workers')
      .env('LOCKKEEPER_WORKER_IMAGE')
      .argParser(imageReference)
      .makeOptionMandatory(),
  )
  .addOption(
    new Option('--image-pull-policy <policy>', 'when nodes pull it')
      .env('LOCKKEEPER_IMAGE_PULL_POLICY')
      .choices(['Always', 'IfNotPresent', 'Never'])
      .default('IfNotPresent'),
  )
  .addOption(
    new Option('--image-pull-secrets <names>', 'Secrets of the workers’ namespaces with the registry’s login, as a,b')
      .env('LOCKKEEPER_IMAGE_PULL_SECRETS')
      .default([], 'none')
      .argParser(listOf(objectName)),
  )
  .addOption(
    new Option('--cluster-domain <domain>', 'domain of the cluster’s DNS')
      .env('LOCKKEEPER_CLUSTER_DOMAIN')
      .default('cluster.local')
      .argParser(dnsName),
  )
  .addOption(
    new Option('--lease-name <name>', 'Lease by which one of several operators leads')
      .env('LOCKKEEPER_LEASE_NAME')
      .default('lockkeeper')
      .argParser(objectName),
  )
  .addOption(
    new Option('--pod-namespace <name>', 'namespace of this pod and of the Lease (default: that of the access to the API server)')
      .env('POD_NAMESPACE')
      .argParser(name),
  )
  .addOption(
    new Option('--pod-name <name>', 'name of this operator in logs, Events and the Lease')
      .env('POD_NAME')
      .default(hostname(), 'the host name, which is the pod’s')
      .argParser(objectName),
  )
  .addOption(podHttp)
  .addOption(logLevel)
  .action(async (options: OperatorOptions) => {
    const { operator } = await import('../operator/process/operator.ts');
    process.exit(await operator(options));
  });

program
  .command('status')
  .description('show how pipelines do, as their leaders report it to ZooKeeper, and what needs a person')
  .addOption(ensemble.makeOptionMandatory())
  .addOption(authFile)
  .addOption(new Option('-n, --namespace <name>', 'only instances of this namespace').env('LOCKKEEPER_NAMESPACE').argParser(name))
  .addOption(new Option('-i, --instance <name>', 'only this CanalInstance').env('LOCKKEEPER_INSTANCE').argParser(name))
  .addOption(new Option('-o, --output <format>', 'a table for people or JSON').choices(['text', 'json']).default('text'))
  .action(async (options: StatusOptions) => {
    const { status } = await import('../worker/cli/status.ts');
    process.exit(await status(options));
  });

try {
  await program.parseAsync();
} catch (error) {
  // Commander has said what is wrong with the arguments, or shown the help that was asked for.
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : 2);
  process.stderr.write(`${explain(error)}\n`);
  process.exit(error instanceof ManifestError ? 2 : 1);
}

function explain(error: unknown): string {
  if (error instanceof ManifestError) return error.message;
  return error instanceof LockkeeperError ? formatError(error) : `lockkeeper: ${messageOf(error)}`;
}
