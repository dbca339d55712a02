import { nodes, type Layout, type NodeLayout, type Region } from './layout.ts';
import { inside } from './namespace.ts';
import { killNode, startNode } from './node.ts';

/** What happens to machines and to the lines between them. Each fault lasts until it is taken back. */
export class NodeFaults {
  readonly #layout: Layout;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** Power cut: the region's node and its pods are gone at once; its disk stays. */
  async kill(region: Region): Promise<void> {
    await killNode(this.#layout, nodeOf(region));
  }

  /** Power comes back. */
  async start(region: Region): Promise<void> {
    await startNode(this.#layout, nodeOf(region));
  }

  /** Nothing gets in or out of the region; what runs there goes on, and the API server does not see it. */
  async isolate(region: Region): Promise<void> {
    await inside(this.#layout, ['ip', 'link', 'set', nodeOf(region).name, 'down']);
  }

  async reconnect(region: Region): Promise<void> {
    await inside(this.#layout, ['ip', 'link', 'set', nodeOf(region).name, 'up']);
  }

  /** Pods of two regions do not reach each other, both ways; each still reaches the API server. Packets are lost, not refused. */
  async cut(one: Region, other: Region): Promise<void> {
    const [a, b] = [nodeOf(one).pods, nodeOf(other).pods];
    const drop = (from: string, to: string) => `add rule ip lockkeeper forward ip saddr ${from} ip daddr ${to} drop\n`;
    const chain = 'add table ip lockkeeper\nadd chain ip lockkeeper forward { type filter hook forward priority 0; }\n';
    await inside(this.#layout, ['sh', '-c', 'printf %s "$1" | nft -f -', 'sh', chain + drop(a, b) + drop(b, a)]);
  }

  /** Takes back every `cut`. */
  async heal(): Promise<void> {
    await inside(this.#layout, ['sh', '-c', 'nft add table ip lockkeeper && nft delete table ip lockkeeper']);
  }
}

function nodeOf(region: Region): NodeLayout {
  return nodes.find((node) => node.region === region)!;
}
