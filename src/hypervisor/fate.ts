// One list proves nothing: libvirtd that has just restarted may not know a domain that runs. Two lists of one connection, a
// while apart, do, unless the domain has gone on somewhere else.

import type { Vm } from '../../machines/vm.ts';
import { steadyNow } from '../clock.ts';
import type { Fate, Survey } from './hypervisor.ts';
import type { Links } from './links.ts';
import { takeSurvey } from './survey.ts';
import { pause, within } from './within.ts';

type Sight = 'active' | 'saved' | 'gone';

function sightOf(survey: Survey, uuid: string): Sight {
  const found = survey.domains.find(domain => domain.uuid === uuid);
  if (found?.active) return 'active';
  return found?.saved ? 'saved' : 'gone';
}

/**
 * Whether the machine may run on another node that is linked: it may have migrated while nobody looked, and a node that does not
 * answer may have it.
 */
async function mayRunElsewhere(
  links: Links,
  vm: Vm,
  deadline: number,
  signal: AbortSignal,
): Promise<boolean> {
  const others = links.keys().filter(node => node !== vm.node);
  const surveys = await Promise.all(
    others.map(node => takeSurvey(links.get(node), deadline, signal).catch(() => undefined)),
  );
  return surveys.some(survey => !survey || sightOf(survey, vm.domain ?? '') !== 'gone');
}

/** What became of a machine; see `Hypervisor.fate`. */
export async function fateOf(
  links: Links,
  vm: Vm,
  apartMs: number,
  deadline: number,
  signal?: AbortSignal,
): Promise<Fate> {
  const { domain } = vm;
  if (domain === null) return 'unknown';
  const judge = async (limit: AbortSignal): Promise<Fate> => {
    let first: Survey | undefined;
    while (!limit.aborted) {
      const survey = await takeSurvey(links.get(vm.node), deadline, limit);
      const sight = sightOf(survey, domain);
      if (sight !== 'gone') return sight;
      if (first?.generation === survey.generation) {
        return (await mayRunElsewhere(links, vm, deadline, limit)) ? 'unknown' : 'dead';
      }
      // The first one, or the connection is another: what was seen before does not count any more.
      first = survey;
      if (steadyNow() + apartMs > deadline) return 'unknown';
      await pause(apartMs, limit);
    }
    return 'unknown';
  };
  return within(deadline, signal, judge).catch(() => 'unknown' as const);
}
