import type { Route } from './route.ts';

export type Found =
  | { readonly kind: 'route'; readonly route: Route; readonly params: readonly string[] }
  /** The URL is one of ours, the method is not; `allow` is for the header of that name. */
  | { readonly kind: 'method'; readonly allow: string }
  | { readonly kind: 'nothing' };

interface Place {
  /** What every path of this place begins with. */
  readonly prefix: string;
  /** Its groups are the parameters. */
  readonly pattern: RegExp;
  readonly routes: ReadonlyMap<string, Route>;
  readonly allow: string;
}

const isParameter = (segment: string): boolean => segment.startsWith(':');

function placeOf(path: string, routes: readonly Route[]): Place {
  const here = routes.filter(({ operation }) => operation.path === path);
  const byMethod = new Map<string, Route>(here.map(route => [route.operation.method, route]));
  const get = byMethod.get('GET');
  if (get) byMethod.set('HEAD', get);
  const segments = path.split('/').map(one => (isParameter(one) ? '([^/]+)' : one.replaceAll('.', '\\.')));
  return {
    prefix: path.split('/:', 1)[0] ?? path,
    pattern: new RegExp(`^${segments.join('/')}$`),
    routes: byMethod,
    allow: [...byMethod.keys()].sort().join(', '),
  };
}

function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The parameters if the path is of this place. */
const paramsAt = ({ prefix, pattern }: Place, path: string): string[] | undefined =>
  path.startsWith(prefix) ? pattern.exec(path)?.slice(1).map(decode) : undefined;

const nothing: Found = { kind: 'nothing' };

/** Finds the route of a method and a path. Of two patterns that fit, the one without parameters, else the one listed first. */
export function createRouter(routes: readonly Route[]): (method: string, path: string) => Found {
  const paths = [...new Set(routes.map(({ operation }) => operation.path))];
  const hasParameters = (path: string): boolean => path.split('/').some(isParameter);
  const patterns = paths.filter(hasParameters).map(path => placeOf(path, routes));
  const exact = new Map(
    paths.filter(path => !hasParameters(path)).map(path => [path, placeOf(path, routes)]),
  );

  function at(place: Place, method: string, params: readonly string[]): Found {
    const route = place.routes.get(method);
    return route ? { kind: 'route', route, params } : { kind: 'method', allow: place.allow };
  }

  return (method, path) => {
    const place = exact.get(path);
    if (place) return at(place, method, []);
    for (const pattern of patterns) {
      const params = paramsAt(pattern, path);
      if (params) return at(pattern, method, params);
    }
    return nothing;
  };
}
