/** A Kubernetes API server in this process, for tests of what talks to one. */
export { ApiServer, type ApiServerOptions } from './api-server.ts';
export { Connection, type DoneWrite, type Fault, type SeenRequest } from './connection.ts';
export { lockkeeperKinds, schemaAdmission } from './custom-resources.ts';
export { serveHttp, type HttpApiServer } from './http-server.ts';
export { customKind, type Admission, type Kind } from './kinds.ts';
export { Simulation } from './controllers/simulation.ts';
