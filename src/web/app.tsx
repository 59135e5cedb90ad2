import { useEffect, useState } from 'preact/hooks';
import { type AnyStateMachine, createMachine } from 'xstate';
import type { Client } from './client.ts';
import { DiskPage } from './disk.tsx';
import { Login } from './login.tsx';
import { useNews } from './news.ts';
import { Overview } from './overview.tsx';
import type { Disk } from './wire.ts';
import { sentenceOf } from './words.ts';

/** The UUID of the disk that is shown is in the fragment of the URL, so that it can be bookmarked. */
const chosen = (): string => location.hash.slice(1).replace('all', '');

function useChosen(): string {
  const [uuid, setUuid] = useState(chosen());
  useEffect(() => {
    const follow = (): void => setUuid(chosen());
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return uuid;
}

/** The charts, created from the JSON of the API. */
function useCharts(client: Client): ReadonlyMap<string, AnyStateMachine> {
  const [charts, setCharts] = useState<ReadonlyMap<string, AnyStateMachine>>(new Map());
  useEffect(() => {
    const fetchOne = async (name: string) =>
      [name, createMachine(await client.get<object>(`/api/charts/${name}`))] as const;
    void Promise.all(['disk', 'attachment'].map(fetchOne)).then(all => setCharts(new Map(all)));
  }, [client]);
  return charts;
}

const MAX_SHOWN = 50;

const mark = (isChosen: boolean) => (isChosen ? { class: 'chosen', 'aria-current': 'page' as const } : {});

function Finder({ disks, uuid }: { disks: ReadonlyMap<string, Disk>; uuid: string }) {
  const [text, setText] = useState('');
  const wanted = text.trim().toLowerCase();
  const matches = [...disks.values()].filter(disk =>
    [disk.uuid, disk.tag, disk.owner].some(field => field.toLowerCase().includes(wanted)),
  );
  return (
    <nav aria-label="Disks">
      <label>
        Find a disk by uuid, tag or owner
        <input type="search" value={text} onInput={event => setText(event.currentTarget.value)} />
      </label>
      <p role="status">
        {matches.length} of {disks.size} disks
        {matches.length > MAX_SHOWN && `, the first ${MAX_SHOWN} are shown`}
      </p>
      <ul>
        <li>
          <a href="#all" {...mark(uuid === '')}>
            All charts
          </a>
        </li>
        {matches.slice(0, MAX_SHOWN).map(disk => (
          <li key={disk.uuid}>
            <a href={`#${disk.uuid}`} {...mark(uuid === disk.uuid)}>
              <span>{disk.tag || 'no tag'}</span> of {disk.owner}
              <code>{disk.uuid}</code>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Inspector({ client, leave }: { client: Client; leave: () => void }) {
  const charts = useCharts(client);
  const { isLive, disks, last } = useNews(client);
  const uuid = useChosen();
  const heard = last && (uuid === '' || last.subject === uuid) ? sentenceOf(last) : '';
  return (
    <>
      <header>
        <h1>pdisk: state charts</h1>
        <p role="status" class={isLive ? 'live' : 'lost'}>
          {isLive ? 'live' : 'not connected, trying again'}
        </p>
        <button type="button" class="leave" onClick={leave}>
          Log out
        </button>
      </header>
      <div class="page">
        <Finder disks={disks} uuid={uuid} />
        <main>
          <p class="news" aria-live="polite">
            {heard}
          </p>
          {uuid === '' ? (
            <Overview client={client} charts={charts} last={last} />
          ) : (
            <DiskPage key={uuid} client={client} uuid={uuid} charts={charts} last={last} />
          )}
        </main>
      </div>
    </>
  );
}

/** The login, then the inspector. */
export function App() {
  const [client, setClient] = useState<Client>();
  return client ? (
    <Inspector client={client} leave={() => setClient(undefined)} />
  ) : (
    <Login found={found => setClient(() => found)} />
  );
}
