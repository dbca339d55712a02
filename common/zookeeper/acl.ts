import { createHash } from 'node:crypto';

/** One entry of a znode's access list. */
export interface ZkAcl {
  /** Sum of `zkPerms`. */
  readonly perms: number;
  /** `world`, `digest`, `auth` or `ip`. */
  readonly scheme: string;
  /** `anyone` for world, `user:base64(sha1(user:password))` for digest. */
  readonly id: string;
}

export const zkPerms = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 } as const;

/** Everybody may do everything: what a session without credentials gives its nodes. */
export const openAcl: readonly ZkAcl[] = [{ perms: zkPerms.all, scheme: 'world', id: 'anyone' }];

export function isOpenAcl(acl: readonly ZkAcl[]): boolean {
  return acl.some(({ perms, scheme, id }) => perms === zkPerms.all && scheme === 'world' && id === 'anyone');
}

/** How the server knows a user who presents `user:password` with the scheme `digest`. */
export function digestId(credentials: string): string {
  const [user = ''] = credentials.split(':', 1);
  return `${user}:${createHash('sha1').update(credentials).digest('base64')}`;
}

/** Only this user may use the node. @param credentials `user:password` */
export function userAcl(credentials: string, perms: number = zkPerms.all): readonly ZkAcl[] {
  return [{ perms, scheme: 'digest', id: digestId(credentials) }];
}
