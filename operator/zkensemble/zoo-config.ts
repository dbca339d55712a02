import type { ZkSpec } from './servers.ts';

/** What health.sh and the operator ask servers. */
const neededCommands = ['mntr', 'ruok', 'srvr'];

export const defaultMetricsPort = 7000;

/**
 * The lines of zoo.cfg that all servers of the ensemble share; start.sh adds where a server keeps its data. `spec.config.extra` goes before what is only a default here; the
 * commands that the operator itself needs stay allowed.
 */
export function zooSettings(spec: ZkSpec): Map<string, string> {
  const { config } = spec;
  const settings = new Map<string, string>([
    ['tickTime', String(config.tickTime)],
    ['initLimit', String(config.initLimit)],
    ['syncLimit', String(config.syncLimit)],
    ['maxClientCnxns', String(config.maxClientCnxns)],
    ['autopurge.purgeInterval', String(config.autopurgeHours)],
    ['autopurge.snapRetainCount', '3'],
    // One voter is an ensemble too: others can join it while it runs.
    ['standaloneEnabled', 'false'],
    ['reconfigEnabled', 'true'],
    // A server that has lost its data must not vote as one that never had any (see start.sh).
    ['db.autocreate', 'false'],
    // A server's own name may resolve later than it starts.
    ['quorumListenOnAllIPs', 'true'],
    ['admin.enableServer', 'false'],
    ['metricsProvider.className', 'org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider'],
    ['metricsProvider.httpPort', String(defaultMetricsPort)],
    ...Object.entries(config.extra),
  ]);
  const allowed = (settings.get('4lw.commands.whitelist') ?? '').split(',').map((word) => word.trim());
  const commands = new Set([...allowed, ...neededCommands].filter((word) => word !== ''));
  settings.set('4lw.commands.whitelist', commands.has('*') ? '*' : [...commands].sort().join(','));
  return settings;
}

export function renderZooConfig(spec: ZkSpec): string {
  const lines = [...zooSettings(spec)].map(([key, value]) => `${key}=${value}`);
  return `${lines.sort().join('\n')}\n`;
}

/** A port among the settings; null where it is switched off. */
export function settingPort(settings: ReadonlyMap<string, string>, key: string): number | null {
  const port = Number(settings.get(key));
  return Number.isInteger(port) && port > 0 ? port : null;
}
