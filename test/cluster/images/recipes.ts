import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../servers/process.ts';
import { run } from '../run.ts';

export const imageNames = ['debian', 'pause', 'coredns', 'storage', 'zookeeper', 'mysql', 'node'] as const;
export type ImageName = (typeof imageNames)[number];

/** An image that is made on this machine, from images/NAME/Containerfile and what `fill` adds beside it. */
export interface Recipe {
  readonly name: ImageName;
  readonly tag: string;
  readonly base?: ImageName;
  /** Names the versions of what `fill` brings; the image is made anew when it changes. */
  readonly inputs: string;
  /** Argument VERSION of the Containerfile. */
  readonly version?: string;
  /** Seconds on an idle machine. */
  readonly seconds: number;
  fill(folder: string): Promise<void>;
}

const tools = join(import.meta.dirname, '../../tools');

/** `programs`: paths of what was built, by name. */
export function recipes(programs: ReadonlyMap<string, string>): readonly Recipe[] {
  const zookeeper = zookeeperVersion();
  return [
    {
      name: 'debian',
      tag: 'localhost/debian:bookworm',
      inputs: debianPackages,
      seconds: 50,
      fill: (folder) => debianRoot(join(folder, 'root.tar')),
    },
    {
      name: 'pause',
      tag: 'localhost/pause:1',
      inputs: '',
      seconds: 1,
      fill: async (folder) => {
        await run('gcc', ['-static', '-Os', '-s', '-o', join(folder, 'pause'), join(folder, 'pause.c')]);
      },
    },
    programImage('coredns', 'coredns', programs),
    programImage('storage', 'local-path-provisioner', programs),
    {
      name: 'zookeeper',
      tag: 'zookeeper:3.9',
      base: 'debian',
      inputs: zookeeper,
      version: zookeeper,
      seconds: 60,
      fill: async (folder) => {
        const copy = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
        const options = [
          `-Dmaven.repo.local=${join(folder, 'm2')}`,
          '-DincludeScope=runtime',
          `-DoutputDirectory=${join(folder, 'lib')}`,
        ];
        await run('mvn', ['--batch-mode', '--no-transfer-progress', '-f', join(folder, 'pom.xml'), ...options, copy]);
      },
    },
    {
      name: 'mysql',
      tag: 'mysql:9',
      base: 'debian',
      inputs: withoutTheRest,
      seconds: 30,
      fill: async (folder) => {
        await run(join(tools, 'setup-mysql'), ['--unpacked']);
        await copyTree(join(cacheFolder, 'mysql'), join(folder, 'mysql'));
        await run('sh', ['-ec', withoutTheRest, 'sh', join(folder, 'mysql/root/usr')]);
      },
    },
    {
      name: 'node',
      tag: 'localhost/node:24',
      base: 'debian',
      inputs: '',
      seconds: 20,
      fill: async (folder) => {
        await run(join(tools, 'setup-node'), ['--unpacked']);
        await copyTree(join(cacheFolder, 'node-24'), join(folder, 'node'));
      },
    },
  ];
}

/** An image that holds one static program and nothing else. */
function programImage(name: ImageName, program: string, programs: ReadonlyMap<string, string>): Recipe {
  const path = programs.get(program);
  if (path === undefined) throw new Error(`${program} was not built`);
  return {
    name,
    tag: `localhost/${name}:1`,
    inputs: path,
    seconds: 2,
    fill: (folder) => copyTree(path, join(folder, program)),
  };
}

/** Half of what the packages of MySQL bring is Perl and tools that nobody runs in a pod. $1: the folder usr. */
const withoutTheRest = `
  cd "$1"
  rm -rf share/perl lib/*/perl lib/*/perl-base lib/*/libperl*
  find bin -type f ! -name mysql ! -name mysqlbinlog ! -name mysqldump -delete
`;

/** By hard links: the folder is in the cache too, and nobody writes into it. */
async function copyTree(from: string, to: string): Promise<void> {
  await run('cp', ['-al', from, to]);
}

const debianPackages = 'ca-certificates';

async function debianRoot(tar: string): Promise<void> {
  // Signatures are checked; dates are not, since a mirror may lag behind and a machine's clock may be wrong.
  const undated = ['Acquire::Check-Valid-Until "false"', 'Acquire::Check-Date "false"'].map((option) => `--aptopt=${option}`);
  const withoutDocuments = ['doc', 'man', 'locale'].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`);
  await run('mmdebstrap', ['--variant=minbase', `--include=${debianPackages}`, ...undated, ...withoutDocuments, 'bookworm', tar]);
}

function zookeeperVersion(): string {
  const pom = readFileSync(join(import.meta.dirname, 'zookeeper/pom.xml'), 'utf8');
  const version = /<artifactId>zookeeper<\/artifactId>\s*<version>(.*)<\/version>/.exec(pom)?.[1];
  if (version === undefined) throw new Error('images/zookeeper/pom.xml names no version of zookeeper');
  return version;
}
