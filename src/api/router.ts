import type { Route } from './route.ts';

export type Found =
  | { readonly kind: 'route'; readonly route: Route; readonly params: readonly string[] }
  /** The URL is one of ours, the method is not; `allow` is for the header of that name. */
  | { readonly kind: 'method'; readonly allow: string }
  | { readonly kind: 'nothing' };

interface Place {
  readonly segments: readonly string[];
  readonly routes: Map<string, Route>;
  readonly allow: string;
}

function placeOf(path: string, routes: readonly Route[]): Place {
  const here = routes.filter(({ operation }) => operation.path === path);
  const byMethod = new Map<string, Route>(here.map(route => [route.operation.method, route]));
  const get = byMethod.get('GET');
  if (get) byMethod.set('HEAD', get);
  return { segments: path.split('/'), routes: byMethod, allow: [...byMethod.keys()].sort().join(', ') };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/** The parameters if the path is of this place. */
function paramsAt(place: Place, segments: readonly string[]): string[] | undefined {
  if (place.segments.length !== segments.length) return undefined;
  const params: string[] = [];
  for (const [index, expected] of place.segments.entries()) {
    const segment = segments[index] ?? '';
    if (expected.startsWith(':') && segment !== '') params.push(decode(segment));
    else if (expected !== segment) return undefined;
  }
  return params;
}

/** Finds the route of a method and a path. Of two patterns that fit, the one listed first. */
export function createRouter(routes: readonly Route[]): (method: string, path: string) => Found {
  const places = [...new Set(routes.map(({ operation }) => operation.path))].map(path =>
    placeOf(path, routes),
  );

  return (method, path) => {
    const segments = path.split('/');
    for (const place of places) {
      const params = paramsAt(place, segments);
      if (!params) continue;
      const route = place.routes.get(method);
      return route ? { kind: 'route', route, params } : { kind: 'method', allow: place.allow };
    }
    return { kind: 'nothing' };
  };
}
