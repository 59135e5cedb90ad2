import './page.css';
import './docs/docs.css';
import { render } from 'preact';
import { Page } from './docs/page.tsx';

const response = await fetch('/api/openapi.json');
render(<Page description={await response.json()} />, document.body);
