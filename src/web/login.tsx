import { useState } from 'preact/hooks';
import { type Client, createClient } from './client.ts';

const TROUBLE = 'The service cannot be reached.';

/** Asks for name and password, and keeps them in memory only: a reload forgets them. */
export function Login({ found }: { found: (client: Client) => void }) {
  const [trouble, setTrouble] = useState('');

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const client = createClient(String(fields.get('name')), String(fields.get('password')));
    try {
      await client.get('/api/charts');
      found(client);
    } catch (error) {
      setTrouble(error instanceof Error ? error.message : TROUBLE);
    }
  }

  return (
    <main class="login">
      <h1>pdisk: state charts</h1>
      <form onSubmit={submit}>
        <label>
          Account <input name="name" autocomplete="username" required autofocus />
        </label>
        <label>
          Password <input name="password" type="password" autocomplete="current-password" required />
        </label>
        <button type="submit">Look</button>
        <p role="alert">{trouble}</p>
      </form>
    </main>
  );
}
