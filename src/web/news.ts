import { useEffect, useRef, useState } from 'preact/hooks';
import type { Client } from './client.ts';
import type { Change, Disk } from './wire.ts';
import { goneStates } from './words.ts';

/** What the event stream has told so far. */
export interface News {
  readonly isLive: boolean;
  readonly disks: ReadonlyMap<string, Disk>;
  /** The newest change. */
  readonly last: Change | undefined;
}

const isEnd = ({ data }: Change): boolean => data.attachment === null && goneStates.has(data.to);

/** Follows the event stream: the disks that exist, and the newest change. */
export function useNews(client: Client): News {
  const disks = useRef(new Map<string, Disk>());
  const [news, setNews] = useState<News>({ isLive: false, disks: disks.current, last: undefined });

  useEffect(
    () =>
      client.listen({
        opened() {
          disks.current = new Map();
          setNews(before => ({ ...before, isLive: true, disks: disks.current }));
        },
        closed: () => setNews(before => ({ ...before, isLive: false })),
        control(control) {
          for (const disk of control.disks ?? []) disks.current.set(disk.uuid, disk);
          setNews(before => ({ ...before, disks: disks.current }));
        },
        change(change) {
          if (isEnd(change)) disks.current.delete(change.subject);
          else if (change.data.disk) disks.current.set(change.subject, change.data.disk);
          setNews(before => ({ ...before, disks: disks.current, last: change }));
        },
      }),
    [client],
  );
  return news;
}

/**
 * The answer at a URL. It is fetched again when `version` changes, but not more often than `atMostEveryMs`,
 * and never twice at once.
 */
export function useAnswer<T>(
  client: Client,
  path: string,
  version: unknown,
  atMostEveryMs: number,
): { readonly value: T | undefined; readonly trouble: string } {
  const [answer, setAnswer] = useState<{ path: string; value: T | undefined; trouble: string }>();
  const state = useRef({ path, isWanted: false, isBusy: false, gone: false });
  state.current.path = path;

  async function refresh(): Promise<void> {
    const now = state.current;
    now.isWanted = true;
    if (now.isBusy) return;
    now.isBusy = true;
    while (now.isWanted && !now.gone) {
      now.isWanted = false;
      const asked = now.path;
      try {
        const value = await client.get<T>(asked);
        setAnswer({ path: asked, value, trouble: '' });
      } catch (error) {
        setAnswer({ path: asked, value: undefined, trouble: error instanceof Error ? error.message : '' });
      }
      await new Promise(resolve => setTimeout(resolve, atMostEveryMs));
    }
    now.isBusy = false;
  }

  useEffect(() => {
    void refresh();
  }, [client, path, version]);
  useEffect(
    () => () => {
      state.current.gone = true;
    },
    [],
  );
  return answer?.path === path ? answer : { value: undefined, trouble: '' };
}
