import type { Figure } from './figures.ts';

/** A number with three significant digits. */
function digits(value: number | null): string {
  if (value === null) return '-';
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
}

function verdict({ aim, counted }: Figure): string {
  if (counted === 0) return 'does not count';
  if (!aim) return '';
  const limit = aim.atLeast === undefined ? `at most ${aim.atMost}` : `at least ${aim.atLeast}`;
  return `${limit}: ${aim.met ? 'met' : 'MISSED'}`;
}

/** The table, a row for each figure. */
export function table(figures: readonly Figure[]): string {
  const heads = ['', 'figure', 'unit', 'pdisk', 'floor', 'ratio', 'in rounds', 'floor is', 'rounds', 'aim'];
  const rows = figures.map(figure => [
    figure.what,
    figure.name,
    figure.unit,
    digits(figure.ours),
    digits(figure.floor),
    figure.ratio === null ? '-' : figure.ratio.toFixed(2),
    figure.ratios === null ? '' : figure.ratios.map(ratio => ratio.toFixed(2)).join(' to '),
    figure.beside,
    `${figure.counted} of ${figure.rounds}`,
    verdict(figure),
  ]);
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map(row => (row[column] ?? '').length)),
  );
  const isNumber = (column: number): boolean => column >= 3 && column <= 5;
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        isNumber(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [heads, ...rows].map(line).join('\n');
}
