import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Candidate, Coordinator, PipelineRef } from './coordinator.ts';
import { TermEnd, type Term } from './term.ts';

/** A coordinator that nobody competes with, and what becomes of it after a test. */
export interface ContractSubject {
  readonly coordinator: Coordinator;
  readonly region: string;
  release(): Promise<void>;
}

/** Leads until the term is over and takes notes. */
class NotingCandidate implements Candidate {
  readonly terms: Term[] = [];
  running = 0;
  mostRunning = 0;
  farewellMs = 0;

  async lead(term: Term): Promise<void> {
    this.terms.push(term);
    this.mostRunning = Math.max(this.mostRunning, ++this.running);
    if (!term.signal.aborted) await new Promise((resolve) => term.signal.addEventListener('abort', resolve, { once: true }));
    await new Promise((resolve) => setTimeout(resolve, this.farewellMs));
    this.running--;
  }
}

/** What every Coordinator must do, seen from the one worker that there is. */
export function coordinatorContract(name: string, make: () => Promise<ContractSubject>): void {
  describe(`${name}, as any coordinator`, () => {
    let subject: ContractSubject;
    let coordinator: Coordinator;
    const pipeline = (which: string): PipelineRef => ({ name: which, region: subject.region });
    const leads = (candidate: NotingCandidate, times = 1) =>
      vi.waitFor(() => expect(candidate.terms).toHaveLength(times), { timeout: 10_000 });

    beforeEach(async () => {
      subject = await make();
      coordinator = subject.coordinator;
    });
    afterEach(async () => {
      await coordinator.stop();
      await subject.release();
    });

    it('lets a lone worker lead, whether it stands before or after the start', async () => {
      const [early, late] = [new NotingCandidate(), new NotingCandidate()];
      const first = coordinator.campaign(pipeline('early'), early);
      expect(first.role).toBe('waiting');
      await coordinator.start();
      const second = coordinator.campaign(pipeline('late'), late);
      await leads(early);
      await leads(late);
      expect([first.role, second.role]).toEqual(['leading', 'leading']);
      expect(early.terms[0]!.writable()).toBe(true);
      await expect(early.terms[0]!.wait()).resolves.toBeUndefined();
    });

    it('begins a new term after a resignation, when the work of the old one has ended', async () => {
      const candidate = new NotingCandidate();
      candidate.farewellMs = 100;
      await coordinator.start();
      const campaign = coordinator.campaign(pipeline('p'), candidate);
      await leads(candidate);
      await campaign.resign();
      await leads(candidate, 2);
      expect(candidate.terms[0]!.signal.reason).toEqual(new TermEnd('resigned'));
      expect(candidate.terms[0]!.writable()).toBe(false);
      expect(candidate.terms[1]!.writable()).toBe(true);
      expect(candidate.mostRunning).toBe(1);
    });

    it('ends a campaign when its work has ended, after which another may begin', async () => {
      const candidate = new NotingCandidate();
      candidate.farewellMs = 50;
      await coordinator.start();
      const campaign = coordinator.campaign(pipeline('p'), candidate);
      expect(() => coordinator.campaign(pipeline('p'), candidate)).toThrow('already');
      await leads(candidate);
      await campaign.end();
      expect([campaign.role, candidate.running]).toEqual(['waiting', 0]);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(candidate.terms).toHaveLength(1);
      const next = new NotingCandidate();
      coordinator.campaign(pipeline('p'), next);
      await leads(next);
    });

    it('keeps a leader whose work has ended by itself', async () => {
      let terms = 0;
      await coordinator.start();
      const campaign = coordinator.campaign(pipeline('p'), {
        lead: () => {
          terms++;
          return Promise.resolve();
        },
      });
      await vi.waitFor(() => expect(campaign.role).toBe('leading'), { timeout: 10_000 });
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect([terms, campaign.role]).toEqual([1, 'leading']);
    });

    it('takes leadership from work that fails, and stands again after a pause', async () => {
      let terms = 0;
      await coordinator.start();
      const campaign = coordinator.campaign(pipeline('p'), {
        lead: () => {
          terms++;
          return Promise.reject(new Error('broken'));
        },
      });
      await vi.waitFor(() => expect(terms).toBe(1), { timeout: 10_000 });
      await vi.waitFor(() => expect(campaign.role).toBe('waiting'));
      await vi.waitFor(() => expect(terms).toBe(2), { timeout: 10_000 });
    }, 30_000);

    it('stops when all work has ended', async () => {
      const candidates = [new NotingCandidate(), new NotingCandidate(), new NotingCandidate()];
      for (const candidate of candidates) candidate.farewellMs = 50;
      await coordinator.start();
      candidates.forEach((candidate, i) => coordinator.campaign(pipeline(`p${i}`), candidate));
      for (const candidate of candidates) await leads(candidate);
      await coordinator.stop();
      for (const { running, terms } of candidates) expect([running, terms[0]!.signal.aborted]).toEqual([0, true]);
    });
  });
}
