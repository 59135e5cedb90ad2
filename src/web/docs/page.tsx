import { useEffect, useState } from 'preact/hooks';
import { type Document, operationsOf } from './document.ts';
import { OperationEntry } from './operation.tsx';
import { Prose } from './prose.tsx';
import { Story } from './story.tsx';

const chosen = (): string => decodeURIComponent(location.hash.slice(1));

/** The id in the URL's fragment. The operation with this id is opened and scrolled to. */
function useChoice(): string {
  const [choice, setChoice] = useState(chosen);
  useEffect(() => {
    const follow = () => setChoice(chosen());
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  useEffect(() => {
    const place = document.getElementById(choice);
    if (place instanceof HTMLDetailsElement) place.open = true;
    place?.scrollIntoView();
  }, [choice]);
  return choice;
}

/** The page of the API documentation. */
export function Page({ description }: { readonly description: Document }) {
  const choice = useChoice();
  const [wanted, setWanted] = useState('');
  const all = operationsOf(description);
  const [intro, ...rules] = description.info.description.split('\n\n');
  const words = wanted.toLowerCase().split(/\s+/);
  const found = all.filter(({ method, path, summary, operationId }) => {
    const text = `${method} ${path} ${summary} ${operationId}`.toLowerCase();
    return words.every(word => text.includes(word));
  });
  const groups = description.tags
    .map(tag => ({ ...tag, operations: found.filter(({ tags }) => tags.includes(tag.name)) }))
    .filter(({ operations }) => operations.length > 0);

  return (
    <>
      <header>
        <h1>pdisk</h1>
        <span>Persistent disks for virtual machines</span>
        <a class="leave" href="/api/openapi.json">
          OpenAPI 3.1
        </a>
        <a href="/inspect">Looking inside</a>
      </header>
      <div class="docs">
        <nav aria-label="Contents">
          <ul>
            <li>
              <a href="#begin">From nothing to a disk in a VM</a>
            </li>
            <li>
              <a href="#launch">For a VM yet to be launched</a>
            </li>
            <li>
              <a href="#rules">What holds everywhere</a>
            </li>
            {description.tags.map(({ name, description: what }) => (
              <li key={name}>
                <a href={`#group-${name}`} title={what}>
                  {name}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <main>
          <p class="intro">{intro}</p>
          <Story operations={all} />
          <section id="rules">
            <h2>What holds everywhere</h2>
            {rules.map(text => (
              <p key={text}>
                <Prose text={text} />
              </p>
            ))}
            <p>
              Say who asks with name and password (<code>curl -u NAME:PASSWORD</code>) or with a{' '}
              <a href="#createToken">token</a> (<code>-H 'Authorization: Bearer TOKEN'</code>). A request that
              changes something can be repeated safely with the header <code>Idempotency-Key</code>: the first
              answer comes again, and nothing is done twice. Every answer names its request in{' '}
              <code>X-Request-Id</code>, which is the client's own where it sent one.
            </p>
          </section>
          <section>
            <h2>All requests</h2>
            <label class="find">
              Find{' '}
              <input type="search" value={wanted} onInput={event => setWanted(event.currentTarget.value)} />
            </label>
            <p aria-live="polite" class="news">
              {found.length} of {all.length}
            </p>
            {groups.map(({ name, description: what, operations }) => (
              <section key={name} id={`group-${name}`}>
                <h3>{what}</h3>
                {operations.map(one => (
                  <OperationEntry
                    key={one.operationId}
                    document={description}
                    operation={one}
                    open={one.operationId === choice}
                  />
                ))}
              </section>
            ))}
          </section>
        </main>
      </div>
    </>
  );
}
