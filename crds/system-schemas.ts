/** Schemas that never travel: the servers' own, and Lockkeeper's, which holds the target's checkpoint. */
export const systemSchemas: readonly string[] = ['mysql', 'sys', 'information_schema', 'performance_schema', 'lockkeeper'];

export function isSystemSchema(schema: string): boolean {
  return systemSchemas.includes(schema.toLowerCase());
}
