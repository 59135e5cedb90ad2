import type { AnyStateMachine } from 'xstate';
import { Chart } from './chart.tsx';
import type { Client } from './client.ts';
import { useAnswer } from './news.ts';
import type { AttachmentPlace, Change, DiskPlace, Finding, Place } from './wire.ts';
import { causeOf, nameOf, sentenceOf, time, wordsFor } from './words.ts';

const Requests = ({ findings }: { findings: readonly Finding[] }) => (
  <ul class="requests">
    {findings.map(finding => (
      <li key={`${finding.event} ${finding.given}`} class={finding.outcome} data-event={finding.event}>
        <strong>{wordsFor(finding)}</strong>:{' '}
        {finding.outcome === 'taken' && (finding.to ? `yes → ${finding.to}` : 'yes')}
        {finding.outcome === 'refused' && (
          <>
            no, because {finding.message} <code>{finding.code}</code>{' '}
            <span class="why">
              {finding.guard ? `the guard ${finding.guard} refuses it` : 'refused in this state, always'}
            </span>
          </>
        )}
        {finding.outcome === 'unheard' && 'no, there is no such thing in this state'}
        <code class="request">{finding.request}</code>
      </li>
    ))}
  </ul>
);

const Others = ({ findings }: { findings: readonly Finding[] }) => (
  <details>
    <summary>
      Other events that it would take or refuse now:{' '}
      {findings.filter(one => one.outcome !== 'unheard').length}
    </summary>
    <table>
      <thead>
        <tr>
          <th scope="col">event</th>
          <th scope="col">assumed</th>
          <th scope="col">guard</th>
          <th scope="col">outcome</th>
        </tr>
      </thead>
      <tbody>
        {findings
          .filter(one => one.outcome !== 'unheard')
          .map(one => (
            <tr key={`${one.event} ${one.given}`}>
              <td>{one.event}</td>
              <td>{one.given}</td>
              <td>{one.guard}</td>
              <td>{one.outcome === 'taken' ? (one.to ?? 'stays') : one.code}</td>
            </tr>
          ))}
      </tbody>
    </table>
  </details>
);

function Where({ place }: { place: Place }) {
  const requests = place.events.filter(one => one.request !== null && one.event !== 'CREATE');
  return (
    <>
      {place.awaits && (
        <p>
          Waits for {place.awaits.events.join(' or ')} until {time(place.awaits.until)}.
        </p>
      )}
      <h4>What can be asked now</h4>
      <Requests findings={requests} />
      <Others findings={place.events.filter(one => one.request === null)} />
      {place.record && (
        <details>
          <summary>The record</summary>
          <pre>{JSON.stringify(place.record, undefined, 2)}</pre>
        </details>
      )}
    </>
  );
}

const Attachment = (props: {
  place: AttachmentPlace;
  chart: AnyStateMachine | undefined;
  last: Change | undefined;
}) => {
  const { place, chart, last } = props;
  const taken = last?.data.attachment?.id === place.id ? last.data : undefined;
  return (
    <section class="attachment" aria-label={`Attachment to ${nameOf(place)}`}>
      <h3>
        {nameOf(place)}
        {place.target && ` as ${place.target}`}: <span class="now">{place.state}</span>
      </h3>
      <p>Since {time(place.since)}.</p>
      <Where place={place} />
      {chart && <Chart chart={chart} present={place.state} taken={taken} />}
    </section>
  );
};

const History = ({ history }: { history: DiskPlace['history'] }) => (
  <section aria-labelledby="history">
    <h3 id="history">What happened, newest first</h3>
    {history.events.length === 0 && <p>Nothing lately.</p>}
    <ol class="history">
      {history.events.toReversed().map(change => (
        <li key={change.sequence}>
          <time dateTime={change.time}>{time(change.time)}</time> {sentenceOf(change)}{' '}
          <span class="why">{causeOf(change)}</span>
        </li>
      ))}
    </ol>
  </section>
);

/** One disk and its attachments: their states, what they would do with each request, and their history. */
export function DiskPage(props: {
  client: Client;
  uuid: string;
  charts: ReadonlyMap<string, AnyStateMachine>;
  last: Change | undefined;
}) {
  const { client, uuid, charts } = props;
  const last = props.last?.subject === uuid ? props.last : undefined;
  const path = `/api/disks/${uuid}/chart`;
  const { value: place, trouble } = useAnswer<DiskPlace>(client, path, last?.sequence, 100);
  const chart = charts.get('disk');
  if (!place) return <p role="status">{trouble || 'One moment.'}</p>;
  const { disk, attachments } = place;
  return (
    <article class="disk" aria-labelledby="disk">
      <h2 id="disk" tabIndex={-1}>
        {disk.tag || disk.uuid}: <span class="now">{place.state}</span>
      </h2>
      <p>
        {disk.size} GiB, {disk.visibility}, of {disk.owner}, <code>{disk.uuid}</code>. {disk.users} of{' '}
        {place.limit} possible users
        {attachments.length > 0 && `: ${attachments.map(nameOf).join(', ')}`}.
      </p>
      <Where place={place} />
      {chart && (
        <Chart chart={chart} present={place.state} taken={last?.data.attachment ? undefined : last?.data} />
      )}
      {attachments.map(one => (
        <Attachment key={one.id} place={one} chart={charts.get('attachment')} last={last} />
      ))}
      <History history={place.history} />
    </article>
  );
}
