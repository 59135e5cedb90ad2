import type { WayParty } from '../service.ts';

/** The names of the disk's owner, and of the account that attached it; null: the caller may not see it. */
export interface Names {
  readonly owner: string | null;
  readonly by: string | null;
}

/** Those who may send a request, for a sentence. */
export function whomToAsk(parties: readonly WayParty[], { owner, by }: Names): string {
  const named: Readonly<Record<WayParty, string | null>> = {
    owner: owner && `its owner ${owner}`,
    account: by === owner ? null : by && `the account ${by}`,
    service: "the cloud's frontend",
    admin: 'an administrator',
  };
  const names = parties.flatMap(party => named[party] ?? []);
  return names.join(', ').replace(/, ([^,]*)$/, ' or $1');
}

/**
 * A way as a sentence: the request for one who may send it, whom to ask for others (`who`), or what happens
 * without a request.
 */
export function waySentence(way: {
  readonly request: string | null;
  readonly inputs: Readonly<Record<string, string>>;
  readonly when: string | null;
  readonly who: string | null;
  readonly effect: string;
}): string {
  const { request, inputs, when, who, effect } = way;
  if (request === null) return `No request is needed${when === null ? '' : ` ${when}`}: then ${effect}.`;
  const condition = when === null ? '' : `, ${when}`;
  if (who !== null) return `Ask ${who} to act${condition}: then ${effect}.`;
  const given = Object.entries(inputs).map(([name, value]) => `${name}=${value}`);
  return `Send ${request}${given.length > 0 ? ` with ${given.join(', ')}` : ''}${condition}: then ${effect}.`;
}
