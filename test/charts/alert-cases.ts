/** One time series of a case: values as promtool notes them ('0x20 1x10': 21 times 0, then 11 times 1), one each 30 s. */
export type Series = Readonly<Record<string, string>>;

export interface FiringAlert {
  /** Without severity's default (warning) and without what the rule itself adds. */
  readonly labels: Readonly<Record<string, string>>;
  readonly summary: string;
  /** Only where the rule's description is a template. */
  readonly description?: string;
}

export interface AlertCase {
  readonly alert: string;
  readonly when: string;
  readonly series: Series;
  /** Minutes. */
  readonly at: number;
  /** Empty: it must stay silent. */
  readonly fires: readonly FiringAlert[];
}

const pipeline = { namespace: 'shop', pipeline: 'orders' };
/** Labels of a worker's metric of the pipeline, in the pod `pod`. */
const of = (pod: string, more = '') => `{namespace="shop",pipeline="orders",pod="${pod}"${more}}`;
const phase = (name: string, pod = 'w1') => `lockkeeper_pipeline_phase${of(pod, `,phase="${name}"`)}`;
const wanted = (state: string) => `lockkeeper_pipeline_state{namespace="shop",pipeline="orders",state="${state}"}`;
const members = (role: string, ready: boolean, region = 'home') =>
  `lockkeeper_ensemble_members{namespace="shop",name="main",region="${region}",role="${role}",ready="${ready}"}`;
const membersWanted = (role: string, region = 'home') =>
  `lockkeeper_ensemble_members_wanted{namespace="shop",name="main",region="${region}",role="${role}"}`;
const quorum = (status: string) =>
  `lockkeeper_condition{kind="ZkEnsemble",namespace="shop",name="main",type="QuorumHealthy",status="${status}"}`;
const silent: readonly FiringAlert[] = [];

export const alertCases: readonly AlertCase[] = [
  {
    alert: 'LockkeeperPipelineWithoutLeader',
    when: 'the leader is gone and nobody took over',
    series: {
      [wanted('Running')]: '1x40',
      [`lockkeeper_leader${of('w1')}`]: '1x10 _x30',
      [`lockkeeper_leader${of('w2')}`]: '0x40',
    },
    at: 13,
    fires: [{ labels: { ...pipeline, state: 'Running', severity: 'critical' }, summary: 'Nobody runs pipeline shop/orders.' }],
  },
  {
    alert: 'LockkeeperPipelineWithoutLeader',
    when: 'no worker is scraped at all',
    series: { [wanted('Running')]: '1x40' },
    at: 3,
    fires: [{ labels: { ...pipeline, state: 'Running', severity: 'critical' }, summary: 'Nobody runs pipeline shop/orders.' }],
  },
  {
    alert: 'LockkeeperPipelineWithoutLeader',
    when: 'another worker takes over within a minute',
    series: {
      [wanted('Running')]: '1x40',
      [`lockkeeper_leader${of('w1')}`]: '1x10 0x30',
      [`lockkeeper_leader${of('w2')}`]: '0x12 1x28',
    },
    at: 8,
    fires: silent,
  },
  {
    alert: 'LockkeeperPipelineWithoutLeader',
    when: 'the pipeline is paused',
    series: { [wanted('Running')]: '0x40', [wanted('Paused')]: '1x40', [`lockkeeper_leader${of('w1')}`]: '0x40' },
    at: 10,
    fires: silent,
  },
  {
    alert: 'LockkeeperTwoLeaders',
    when: 'two workers say so for minutes',
    series: { [`lockkeeper_leader${of('w1')}`]: '1x40', [`lockkeeper_leader${of('w2')}`]: '0x4 1x36' },
    at: 5,
    fires: [{ labels: pipeline, summary: '2 workers believe that they lead pipeline shop/orders.' }],
  },
  {
    alert: 'LockkeeperTwoLeaders',
    when: 'the old leader notices with the next scrape',
    series: { [`lockkeeper_leader${of('w1')}`]: '1x6 0x34', [`lockkeeper_leader${of('w2')}`]: '0x5 1x35' },
    at: 5,
    fires: silent,
  },
  {
    alert: 'LockkeeperPipelineSuspended',
    when: 'its leader is suspended',
    series: { [phase('suspended')]: '0x4 1x36', [phase('suspended', 'w2')]: '0x40' },
    at: 4,
    fires: [{ labels: { ...pipeline, severity: 'critical' }, summary: 'Pipeline shop/orders is suspended.' }],
  },
  {
    alert: 'LockkeeperPipelineSuspended',
    when: 'it runs',
    series: { [phase('suspended')]: '0x40', [phase('running')]: '1x40' },
    at: 10,
    fires: silent,
  },
  {
    alert: 'LockkeeperPipelineFailing',
    when: 'it tries again for five minutes',
    series: { [phase('retrying')]: '0x4 1x36' },
    at: 8,
    fires: [{ labels: { ...pipeline, severity: 'critical' }, summary: 'Pipeline shop/orders fails again and again.' }],
  },
  {
    alert: 'LockkeeperPipelineFailing',
    when: 'a server was restarted in between',
    series: { [phase('retrying')]: '0x4 1x6 0x4 1x6 0x20' },
    at: 10,
    fires: silent,
  },
  {
    alert: 'LockkeeperLagHigh',
    when: 'the lag is above the pipeline’s own limit',
    series: { [`lockkeeper_apply_lag_seconds${of('w1')}`]: '0x4 100x36', [`lockkeeper_lag_limit_seconds${of('w1')}`]: '60x40' },
    at: 5,
    fires: [{ labels: pipeline, summary: 'Pipeline shop/orders is 1m 40s behind.' }],
  },
  {
    alert: 'LockkeeperLagHigh',
    when: 'the lag is ten times the limit for ten minutes',
    series: { [`lockkeeper_apply_lag_seconds${of('w1')}`]: '1000x40', [`lockkeeper_lag_limit_seconds${of('w1')}`]: '60x40' },
    at: 12,
    fires: [
      { labels: pipeline, summary: 'Pipeline shop/orders is 16m 40s behind.' },
      { labels: { ...pipeline, severity: 'critical' }, summary: 'Pipeline shop/orders is 16m 40s behind.' },
    ],
  },
  {
    alert: 'LockkeeperLagHigh',
    when: 'the lag is below the limit, and another pipeline’s limit is lower',
    series: {
      [`lockkeeper_apply_lag_seconds${of('w1')}`]: '50x40',
      [`lockkeeper_lag_limit_seconds${of('w1')}`]: '60x40',
      'lockkeeper_lag_limit_seconds{namespace="shop",pipeline="other",pod="w1"}': '10x40',
    },
    at: 15,
    fires: silent,
  },
  {
    alert: 'LockkeeperLagHigh',
    when: 'a peak passes within two minutes',
    series: {
      [`lockkeeper_apply_lag_seconds${of('w1')}`]: '0x4 100x2 0x34',
      [`lockkeeper_lag_limit_seconds${of('w1')}`]: '60x40',
    },
    at: 4,
    fires: silent,
  },
  {
    alert: 'LockkeeperLagHigh',
    when: 'the pipeline is paused on purpose',
    series: {
      [`lockkeeper_apply_lag_seconds${of('w1')}`]: '0+30x60',
      [`lockkeeper_lag_limit_seconds${of('w1')}`]: '60x60',
      [phase('paused')]: '1x60',
      [phase('running')]: '0x60',
    },
    at: 25,
    fires: silent,
  },
  {
    alert: 'LockkeeperCheckpointStalled',
    when: 'work waits and the position does not move',
    series: {
      [`lockkeeper_checkpoint_timestamp_seconds${of('w1')}`]: '1000+30x10 1300x60',
      [`lockkeeper_apply_lag_seconds${of('w1')}`]: '0x10 0+30x60',
      [phase('running')]: '1x70',
    },
    at: 21,
    fires: [{ labels: { ...pipeline, severity: 'critical' }, summary: 'Pipeline shop/orders has work but commits nothing.' }],
  },
  {
    alert: 'LockkeeperCheckpointStalled',
    when: 'the source is idle',
    series: {
      [`lockkeeper_checkpoint_timestamp_seconds${of('w1')}`]: '1000x70',
      [`lockkeeper_apply_lag_seconds${of('w1')}`]: '0x70',
      [phase('running')]: '1x70',
    },
    at: 30,
    fires: silent,
  },
  {
    alert: 'LockkeeperCheckpointStalled',
    when: 'it works a backlog off',
    series: {
      [`lockkeeper_checkpoint_timestamp_seconds${of('w1')}`]: '1000+2x70',
      [`lockkeeper_apply_lag_seconds${of('w1')}`]: '5000-28x70',
      [phase('running')]: '1x70',
    },
    at: 30,
    fires: silent,
  },
  {
    alert: 'LockkeeperFencedWrites',
    when: 'a former leader was refused',
    series: { [`lockkeeper_fenced_writes_total${of('w1')}`]: '0x20 1x60' },
    at: 15,
    fires: [{ labels: pipeline, summary: 'A former leader of pipeline shop/orders tried to write and was refused.' }],
  },
  {
    alert: 'LockkeeperFencedWrites',
    when: 'it was long ago',
    series: { [`lockkeeper_fenced_writes_total${of('w1')}`]: '0x20 1x100' },
    at: 40,
    fires: silent,
  },
  {
    alert: 'LockkeeperRetentionHeadroomLow',
    when: 'the pipeline is behind and the source deletes in four hours',
    series: {
      [`lockkeeper_source_retention_headroom_seconds${of('w1')}`]: '14400x40',
      [`lockkeeper_apply_lag_seconds${of('w1')}`]: '72000x40',
    },
    at: 6,
    fires: [{ labels: pipeline, summary: 'In 4h 0m 0s the source deletes binlog that pipeline shop/orders has not read.' }],
  },
  {
    alert: 'LockkeeperRetentionHeadroomLow',
    when: 'it is suspended, its lag unknown, and the source deletes within the hour',
    series: { [`lockkeeper_source_retention_headroom_seconds${of('w1')}`]: '1800x40', [phase('suspended')]: '1x40' },
    at: 6,
    fires: [
      { labels: pipeline, summary: 'In 30m 0s the source deletes binlog that pipeline shop/orders has not read.' },
      {
        labels: { ...pipeline, severity: 'critical' },
        summary: 'In 30m 0s the source deletes binlog that pipeline shop/orders has not read.',
      },
    ],
  },
  {
    alert: 'LockkeeperRetentionHeadroomLow',
    when: 'the source keeps only an hour, but the pipeline has read all',
    series: {
      [`lockkeeper_source_retention_headroom_seconds${of('w1')}`]: '3500x40',
      [`lockkeeper_apply_lag_seconds${of('w1')}`]: '0x40',
    },
    at: 15,
    fires: silent,
  },
  {
    alert: 'LockkeeperRetentionHeadroomLow',
    when: 'the pipeline is behind, but the source keeps a week',
    series: {
      [`lockkeeper_source_retention_headroom_seconds${of('w1')}`]: '590000x40',
      [`lockkeeper_apply_lag_seconds${of('w1')}`]: '10000x40',
    },
    at: 15,
    fires: silent,
  },
  {
    alert: 'LockkeeperDivergence',
    when: 'rows were missing at the target',
    series: {
      [`lockkeeper_divergent_rows_total${of('w1', ',kind="missing_on_update"')}`]: '0x20 30x40',
      [`lockkeeper_divergent_rows_total${of('w1', ',kind="existing_on_insert"')}`]: '0x60',
    },
    at: 15,
    fires: [
      {
        labels: { ...pipeline, kind: 'missing_on_update' },
        summary: 'Rows of pipeline shop/orders are not what they should be in the target (missing_on_update).',
        description:
          'About 30 rows in a quarter of an hour were missing or existed already when the source changed them: somebody else writes to the target, or it was not a true copy.',
      },
    ],
  },
  {
    alert: 'LockkeeperDivergence',
    when: 'there is none, whatever was counted before the worker was scraped',
    series: { [`lockkeeper_divergent_rows_total${of('w1', ',kind="missing_on_update"')}`]: '7x60' },
    at: 20,
    fires: silent,
  },
  {
    alert: 'LockkeeperFirstCopyStalled',
    when: 'no row is copied',
    series: { [phase('copying')]: '1x60', [`lockkeeper_first_copy_rows${of('w1')}`]: '0+1000x10 10000x50' },
    at: 25,
    fires: [{ labels: pipeline, summary: 'The first copy of pipeline shop/orders stands still.' }],
  },
  {
    alert: 'LockkeeperFirstCopyStalled',
    when: 'its first chunk never ends',
    series: { [phase('copying')]: '1x60', [`lockkeeper_first_copy_rows${of('w1')}`]: '0x60' },
    at: 6,
    fires: [{ labels: pipeline, summary: 'The first copy of pipeline shop/orders stands still.' }],
  },
  {
    alert: 'LockkeeperFirstCopyStalled',
    when: 'it has only begun',
    series: { [phase('copying')]: '1x60', [`lockkeeper_first_copy_rows${of('w1')}`]: '0x6 0+1000x54' },
    at: 3,
    fires: silent,
  },
  {
    alert: 'LockkeeperFirstCopyStalled',
    when: 'rows are copied',
    series: { [phase('copying')]: '1x60', [`lockkeeper_first_copy_rows${of('w1')}`]: '0+1000x60' },
    at: 25,
    fires: silent,
  },
  {
    alert: 'LockkeeperFirstCopyStalled',
    when: 'the copy is over',
    series: {
      [phase('copying')]: '1x10 0x50',
      [phase('running')]: '0x10 1x50',
      [`lockkeeper_first_copy_rows${of('w1')}`]: '0+1000x10 10000x50',
    },
    at: 25,
    fires: silent,
  },
  {
    alert: 'LockkeeperWorkerAbsent',
    when: 'a region has one worker of two',
    series: {
      'lockkeeper_instance_workers{namespace="shop",name="orders",region="east"}': '2x4 1x36',
      'lockkeeper_instance_workers_wanted{namespace="shop",name="orders",region="east"}': '2x40',
      'lockkeeper_instance_workers{namespace="shop",name="orders",region="home"}': '2x40',
      'lockkeeper_instance_workers_wanted{namespace="shop",name="orders",region="home"}': '2x40',
    },
    at: 8,
    fires: [
      {
        labels: { namespace: 'shop', name: 'orders', region: 'east' },
        summary: 'CanalInstance shop/orders lacks workers in region east: only 1 ready.',
      },
    ],
  },
  {
    alert: 'LockkeeperWorkerAbsent',
    when: 'a worker is restarted',
    series: {
      'lockkeeper_instance_workers{namespace="shop",name="orders",region="east"}': '2x4 1x4 2x32',
      'lockkeeper_instance_workers_wanted{namespace="shop",name="orders",region="east"}': '2x40',
    },
    at: 8,
    fires: silent,
  },
  {
    alert: 'LockkeeperZookeeperSessionLost',
    when: 'a worker has none',
    series: {
      'lockkeeper_zookeeper_connected{namespace="shop",pod="w1"}': '1x4 0x36',
      'lockkeeper_zookeeper_connected{namespace="shop",pod="w2"}': '1x40',
    },
    at: 5,
    fires: [
      { labels: { namespace: 'shop', pod: 'w1', severity: 'critical' }, summary: 'Worker shop/w1 has no ZooKeeper session.' },
    ],
  },
  {
    alert: 'LockkeeperZookeeperSessionLost',
    when: 'the session is back after a minute',
    series: { 'lockkeeper_zookeeper_connected{namespace="shop",pod="w1"}': '1x4 0x2 1x34' },
    at: 5,
    fires: silent,
  },
  {
    alert: 'LockkeeperEnsembleWithoutLeader',
    when: 'no server leads',
    series: { 'lockkeeper_ensemble_has_leader{namespace="shop",name="main"}': '1x4 0x36' },
    at: 4,
    fires: [
      {
        labels: { namespace: 'shop', name: 'main', severity: 'critical' },
        summary: 'ZooKeeper ensemble shop/main has no leader.',
      },
    ],
  },
  {
    alert: 'LockkeeperEnsembleWithoutLeader',
    when: 'a new one is elected at once',
    series: { 'lockkeeper_ensemble_has_leader{namespace="shop",name="main"}': '1x4 0 1x35' },
    at: 3,
    fires: silent,
  },
  {
    alert: 'LockkeeperEnsembleWithoutQuorum',
    when: 'its servers have none',
    series: { [quorum('True')]: '1x4 0x36', [quorum('False')]: '0x4 1x36' },
    at: 5,
    fires: [
      {
        labels: { namespace: 'shop', name: 'main', severity: 'critical' },
        summary: 'ZooKeeper ensemble shop/main has no quorum.',
      },
    ],
  },
  {
    alert: 'LockkeeperEnsembleWithoutQuorum',
    when: 'one that serves is to grow from one voter to three',
    series: {
      ...{ [quorum('True')]: '1x40', [quorum('False')]: '0x40' },
      ...{ [members('voter', true)]: '1x40', [membersWanted('voter')]: '3x40' },
    },
    at: 10,
    fires: silent,
  },
  {
    alert: 'LockkeeperVoterMissing',
    when: 'two of three are ready',
    series: { [members('voter', true)]: '3x4 2x36', [membersWanted('voter')]: '3x40' },
    at: 8,
    fires: [
      {
        labels: { namespace: 'shop', name: 'main', region: 'home' },
        summary: 'ZooKeeper ensemble shop/main lacks voters: only 2 ready in region home.',
      },
    ],
  },
  {
    alert: 'LockkeeperVoterMissing',
    when: 'servers are restarted one by one',
    series: { [members('voter', true)]: '3x4 2x3 3 2x3 3 2x3 3x24', [membersWanted('voter')]: '3x40' },
    at: 9,
    fires: silent,
  },
  {
    alert: 'LockkeeperObserverMissing',
    when: 'a region has none left',
    series: {
      [members('observer', true, 'east')]: '2x4 0x36',
      [membersWanted('observer', 'east')]: '2x40',
      [members('observer', true, 'west')]: '1x40',
      [membersWanted('observer', 'west')]: '1x40',
      [members('voter', true)]: '3x40',
      [membersWanted('voter')]: '3x40',
    },
    at: 8,
    fires: [
      {
        labels: { namespace: 'shop', name: 'main', region: 'east' },
        summary: 'ZooKeeper ensemble shop/main lacks observers: only 0 ready in region east.',
      },
    ],
  },
  {
    alert: 'LockkeeperObserverMissing',
    when: 'a voter is missing, and all observers are there',
    series: {
      [members('observer', true, 'east')]: '2x40',
      [membersWanted('observer', 'east')]: '2x40',
      [members('voter', true)]: '2x40',
      [membersWanted('voter')]: '3x40',
    },
    at: 15,
    fires: silent,
  },
  {
    alert: 'LockkeeperOperatorDown',
    when: 'both operators are gone',
    series: { 'lockkeeper_operator_leader{namespace="lockkeeper-system",pod="o1"}': '1x4 _x36' },
    at: 13,
    fires: [
      {
        labels: { namespace: 'lockkeeper-system', severity: 'critical' },
        summary: 'No Lockkeeper operator leads in namespace lockkeeper-system.',
      },
    ],
  },
  {
    alert: 'LockkeeperOperatorDown',
    when: 'the ones left only stand by, and a release elsewhere leads',
    series: {
      'lockkeeper_operator_leader{namespace="lockkeeper-system",pod="o1"}': '0x40',
      'lockkeeper_operator_leader{namespace="elsewhere",pod="o1"}': '1x40',
    },
    at: 6,
    fires: [
      {
        labels: { namespace: 'lockkeeper-system', severity: 'critical' },
        summary: 'No Lockkeeper operator leads in namespace lockkeeper-system.',
      },
    ],
  },
  {
    alert: 'LockkeeperOperatorDown',
    when: 'the other one takes over',
    series: {
      'lockkeeper_operator_leader{namespace="lockkeeper-system",pod="o1"}': '1x4 _x36',
      'lockkeeper_operator_leader{namespace="lockkeeper-system",pod="o2"}': '0x5 1x35',
    },
    at: 15,
    fires: silent,
  },
  {
    alert: 'LockkeeperOperatorFailing',
    when: 'reconciles of two objects fail on and on',
    series: {
      'lockkeeper_operator_failing_objects{namespace="lockkeeper-system",controller="zkensemble"}': '0x4 2x60',
      'lockkeeper_operator_failing_objects{namespace="lockkeeper-system",controller="syncpipeline"}': '0x64',
    },
    at: 20,
    fires: [
      {
        labels: { namespace: 'lockkeeper-system', controller: 'zkensemble' },
        summary: 'The Lockkeeper operator fails at 2 objects of controller zkensemble.',
      },
    ],
  },
  {
    alert: 'LockkeeperOperatorFailing',
    when: 'conflicts are resolved within minutes',
    series: {
      'lockkeeper_operator_failing_objects{namespace="lockkeeper-system",controller="zkensemble"}': '0x4 1x10 0x2 1x10 0x30',
    },
    at: 20,
    fires: silent,
  },
  {
    alert: 'LockkeeperOperatorDeaf',
    when: 'the API server has said nothing for long',
    series: {
      'lockkeeper_operator_cache_silence_seconds{namespace="lockkeeper-system",pod="o1",kind="SyncPipeline"}': '0+30x60',
    },
    at: 20,
    fires: [
      {
        labels: { namespace: 'lockkeeper-system', kind: 'SyncPipeline' },
        summary: 'The Lockkeeper operator has heard nothing of any SyncPipeline for 20m 0s.',
      },
    ],
  },
  {
    alert: 'LockkeeperOperatorDeaf',
    when: 'signs of life come each minute',
    series: {
      'lockkeeper_operator_cache_silence_seconds{namespace="lockkeeper-system",pod="o1",kind="SyncPipeline"}':
        '0 30 60 30 60 0x40',
    },
    at: 20,
    fires: silent,
  },
  {
    alert: 'LockkeeperObjectNotReady',
    when: 'its condition Ready is False',
    series: {
      'lockkeeper_condition{kind="SyncPipeline",namespace="shop",name="orders",type="Ready",status="False"}': '0x4 1x60',
      'lockkeeper_condition{kind="SyncPipeline",namespace="shop",name="orders",type="Ready",status="True"}': '1x4 0x60',
      [wanted('Running')]: '1x64',
      [wanted('Paused')]: '0x64',
    },
    at: 20,
    fires: [
      {
        labels: { kind: 'SyncPipeline', namespace: 'shop', name: 'orders' },
        summary: 'SyncPipeline shop/orders is not ready.',
        description: 'Its condition Ready tells the reason and what to do: kubectl describe SyncPipeline -n shop orders',
      },
    ],
  },
  {
    alert: 'LockkeeperObjectNotReady',
    when: 'it is ready, whatever another condition says',
    series: {
      'lockkeeper_condition{kind="ZkEnsemble",namespace="shop",name="main",type="Ready",status="True"}': '1x64',
      'lockkeeper_condition{kind="ZkEnsemble",namespace="shop",name="main",type="Ready",status="False"}': '0x64',
      'lockkeeper_condition{kind="ZkEnsemble",namespace="shop",name="main",type="Progressing",status="False"}': '1x64',
    },
    at: 30,
    fires: silent,
  },
  {
    alert: 'LockkeeperObjectNotReady',
    when: 'the pipeline makes its first copy',
    series: {
      'lockkeeper_condition{kind="SyncPipeline",namespace="shop",name="orders",type="Ready",status="False"}': '1x64',
      [phase('copying')]: '1x64',
      [wanted('Running')]: '1x64',
    },
    at: 30,
    fires: silent,
  },
  {
    alert: 'LockkeeperObjectNotReady',
    when: 'the pipeline is stopped on purpose',
    series: {
      'lockkeeper_condition{kind="SyncPipeline",namespace="shop",name="orders",type="Ready",status="False"}': '1x64',
      [wanted('Stopped')]: '1x64',
      [wanted('Running')]: '0x64',
    },
    at: 30,
    fires: silent,
  },
];
