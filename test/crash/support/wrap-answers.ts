// Boundaries around each answer to a request that changes something.
import type { HttpRequest, HttpResponse, TemplatedApp } from 'uWebSockets.js';
import { createRequire } from 'node:module';
import { reach } from './counter.ts';

type Handler = (response: HttpResponse, request: HttpRequest) => unknown;

function counted(handle: Handler): Handler {
  return (response, request) => {
    const method = request.getCaseSensitiveMethod();
    if (method !== 'GET') {
      const cork = response.cork;
      response.cork = callback => {
        reach(`before the answer to ${method}`);
        const result = cork.call(response, callback);
        reach(`after the answer to ${method}`);
        return result;
      };
    }
    return handle(response, request);
  };
}

/** Wraps the handlers of requests: an answer is what a handler writes in `cork`. */
export function wrapAnswers(): void {
  const server = createRequire(`${process.env.CRASH_MODULES}/`)('uWebSockets.js');
  const make = server.App as (options: object) => TemplatedApp;
  server.App = (options: object): TemplatedApp => {
    const app = make(options);
    const any = app.any.bind(app);
    app.any = (pattern, handle) => any(pattern, counted(handle as Handler) as Parameters<typeof any>[1]);
    return app;
  };
}
