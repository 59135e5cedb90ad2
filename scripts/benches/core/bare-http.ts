// The floor of reading: uWebSockets.js alone. Its argument is the size of the body in bytes.
import { App, us_socket_local_port } from 'uWebSockets.js';

const body = 'x'.repeat(Number(process.argv[2]));

App({})
  .any('/*', response => {
    response.end(body);
  })
  .listen('127.0.0.1', 0, socket => {
    process.send?.({ port: us_socket_local_port(socket) });
  });
