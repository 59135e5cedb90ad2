import { curlOf } from './curl.ts';
import {
  bodiesOf,
  type Document,
  errorsOf,
  type Operation,
  type Parameter,
  parametersOf,
  type Response,
  rulesOf,
} from './document.ts';
import { Listing, Prose } from './prose.tsx';

/** The required parameters of the query, as shell variables. */
const queryOf = (parameters: readonly Parameter[]): string => {
  const needed = parameters.filter(one => one.in === 'query' && one.required);
  return needed.length === 0 ? '' : `?${needed.map(({ name }) => `${name}=$${name}`).join('&')}`;
};

interface Input {
  readonly name: string;
  readonly where: string;
  readonly required: boolean;
  readonly description: string;
  readonly rules: string;
}

function inputsOf({ requestBody }: Operation, parameters: readonly Parameter[]): readonly Input[] {
  const schema = requestBody?.content['application/json']?.schema;
  const fields = Object.entries(schema?.properties ?? {}).map(([name, field]) => ({
    name,
    where: 'body',
    required: schema?.required?.includes(name) ?? false,
    description: field.description ?? '',
    rules: rulesOf(field),
  }));
  const others = parameters.map(one => ({
    name: one.name,
    where: one.in,
    required: one.required,
    description: one.description ?? one.schema.description ?? '',
    rules: rulesOf(one.schema),
  }));
  return [...fields, ...others];
}

const Inputs = ({ inputs }: { readonly inputs: readonly Input[] }) => (
  <div class="scrolls">
    <table>
      <caption>Inputs</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Where</th>
          <th scope="col">What it is</th>
        </tr>
      </thead>
      <tbody>
        {inputs.map(({ name, where, required, description, rules }) => (
          <tr key={`${where} ${name}`}>
            <th scope="row">
              <code>{name}</code>
            </th>
            <td>{required ? where : `${where}, optional`}</td>
            <td>
              <Prose text={description} />
              {rules && <span class="rules">{rules}</span>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

const COMMON: ReadonlySet<string> = new Set([
  'X-Request-Id',
  'X-Content-Type-Options',
  'Content-Security-Policy',
]);

function Success({ status, response }: { readonly status: string; readonly response: Response }) {
  const headers = Object.keys(response.headers).filter(name => !COMMON.has(name));
  return (
    <>
      <p>
        <strong class="yes">{status}</strong> <Prose text={response.description} />
        {headers.length > 0 && ` (headers ${headers.join(', ')})`}
      </p>
      {bodiesOf(response).map(({ type, body }) => (
        <Listing key={body} label={`Example of ${status}, ${type}`} text={body} />
      ))}
    </>
  );
}

function Errors({ document, operation }: { readonly document: Document; readonly operation: Operation }) {
  const rows = Object.entries(operation.responses).flatMap(([status, response]) =>
    errorsOf(document, response).map(([code, sentence]) => ({ status, code, sentence })),
  );
  return (
    <details>
      <summary>{rows.length} errors</summary>
      <div class="scrolls">
        <table>
          <thead>
            <tr>
              <th scope="col">Status</th>
              <th scope="col">X-Error-Code</th>
              <th scope="col">For example</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ status, code, sentence }) => (
              <tr key={code}>
                <td>{status}</td>
                <th scope="row">
                  <code>{code}</code>
                </th>
                <td>{sentence}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** One operation, folded until the reader opens it. */
export function OperationEntry(props: {
  readonly document: Document;
  readonly operation: Operation;
  readonly open: boolean;
}) {
  const { document, operation, open } = props;
  const { operationId, method, path, summary, description } = operation;
  const parameters = parametersOf(document, operation);
  const inputs = inputsOf(operation, parameters);
  const outcomes = Object.entries(operation.responses).filter(([status]) => Number(status) < 400);
  return (
    <details id={operationId} class="operation" open={open}>
      <summary>
        <span class={`method ${method.toLowerCase()}`}>{method}</span> <code>{path}</code>{' '}
        <span class="what">
          <Prose text={summary} />
        </span>
      </summary>
      {description && (
        <p>
          <Prose text={description} />
        </p>
      )}
      <Listing
        label={`Command for ${operationId}`}
        text={curlOf(operation, { query: queryOf(parameters) })}
      />
      {inputs.length > 0 && <Inputs inputs={inputs} />}
      {outcomes.map(([status, response]) => (
        <Success key={status} status={status} response={response} />
      ))}
      <Errors document={document} operation={operation} />
    </details>
  );
}
