import { describe, expect, test } from 'vitest';
import { zkEnsembleSpec } from '../../crds/zk-ensemble.ts';
import { renderZooConfig, settingPort, zooSettings } from './zoo-config.ts';

const settings = (config = {}) => zooSettings(zkEnsembleSpec.parse({ config }));

describe('zoo.cfg', () => {
  test('is what ZooKeeper needs to be reconfigured, watched and kept small', () => {
    expect(renderZooConfig(zkEnsembleSpec.parse({}))).toMatchInlineSnapshot(`
      "4lw.commands.whitelist=mntr,ruok,srvr
      admin.enableServer=false
      autopurge.purgeInterval=6
      autopurge.snapRetainCount=3
      db.autocreate=false
      initLimit=10
      maxClientCnxns=60
      metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider
      metricsProvider.httpPort=7000
      quorumListenOnAllIPs=true
      reconfigEnabled=true
      standaloneEnabled=false
      syncLimit=5
      tickTime=2000
      "
    `);
  });

  test('takes what the spec adds', () => {
    expect(settings({ tickTime: 500, extra: { snapCount: '1000', 'metricsProvider.httpPort': '7070' } })).toEqual(
      new Map([...settings(), ['tickTime', '500'], ['snapCount', '1000'], ['metricsProvider.httpPort', '7070']]),
    );
  });

  test('always answers what the operator asks', () => {
    const allowed = (words: string) => settings({ extra: { '4lw.commands.whitelist': words } }).get('4lw.commands.whitelist');
    expect([allowed('conf, srvr'), allowed('*'), allowed('')]).toEqual(['conf,mntr,ruok,srvr', '*', 'mntr,ruok,srvr']);
  });

  test('tells which ports are open', () => {
    expect(settingPort(settings(), 'metricsProvider.httpPort')).toBe(7000);
    expect(settingPort(settings({ extra: { 'metricsProvider.httpPort': '0' } }), 'metricsProvider.httpPort')).toBeNull();
    expect(settingPort(settings(), 'observerMasterPort')).toBeNull();
  });
});
