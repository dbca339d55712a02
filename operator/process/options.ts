export interface OperatorOptions {
  /** Of this pod, for Events, logs and the lease. */
  readonly podName: string;
  /** Of the lease by which one of several operators leads; default: that of the access to the API server. */
  readonly podNamespace?: string;
  readonly leaseName: string;
  /** The only namespaces that are looked after; empty: all. */
  readonly watchNamespaces: readonly string[];
  /** Domain of the cluster's DNS. */
  readonly clusterDomain: string;
  /** What workers' pods run. */
  readonly workerImage: string;
  readonly imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** Names of Secrets in the workers' namespaces. */
  readonly imagePullSecrets: readonly string[];
  /** `host:port`, port 0 for any free one. */
  readonly http: string;
  readonly logLevel: string;
}
