import type { Route } from './route.ts';

/** What a method and a path lead to. */
export type Found =
  | { readonly kind: 'route'; readonly route: Route; readonly params: readonly string[] }
  /** The URL is known, but not with this method; `allow` is the value of the header Allow. */
  | { readonly kind: 'method'; readonly allow: string }
  | { readonly kind: 'nothing' };

/** The routes of one path. */
interface PathEntry {
  /** The text before the first parameter, for a fast comparison. */
  readonly prefix: string;
  /** Matches a path; its groups are the values of the parameters. */
  readonly pattern: RegExp;
  readonly routes: ReadonlyMap<string, Route>;
  readonly allow: string;
}

const isParameter = (segment: string): boolean => segment.startsWith(':');

function entryOf(path: string, routes: readonly Route[]): PathEntry {
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

/** The values of the parameters if the path matches. */
const paramsAt = ({ prefix, pattern }: PathEntry, path: string): string[] | undefined =>
  path.startsWith(prefix) ? pattern.exec(path)?.slice(1).map(decode) : undefined;

const notFound: Found = { kind: 'nothing' };

/**
 * Returns a function that finds the route of a method and a path. A path without parameters wins over a
 * pattern; of two patterns that match, the one listed first. HEAD is routed as GET.
 */
export function createRouter(routes: readonly Route[]): (method: string, path: string) => Found {
  const paths = [...new Set(routes.map(({ operation }) => operation.path))];
  const hasParameters = (path: string): boolean => path.split('/').some(isParameter);
  const patterns = paths.filter(hasParameters).map(path => entryOf(path, routes));
  const exact = new Map(
    paths.filter(path => !hasParameters(path)).map(path => [path, entryOf(path, routes)]),
  );

  function at(entry: PathEntry, method: string, params: readonly string[]): Found {
    const route = entry.routes.get(method);
    return route ? { kind: 'route', route, params } : { kind: 'method', allow: entry.allow };
  }

  return (method, path) => {
    const entry = exact.get(path);
    if (entry) return at(entry, method, []);
    for (const pattern of patterns) {
      const params = paramsAt(pattern, path);
      if (params) return at(pattern, method, params);
    }
    return notFound;
  };
}
