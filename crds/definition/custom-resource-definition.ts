import type { z } from 'zod';
import { apiGroup, apiVersion, type TransitionRule } from '../common-fields.ts';
import type { Column, ResourceKind } from './resource-kinds.ts';
import { structuralSchema, type StructuralSchema, type Validation } from './structural-schema.ts';

/** The CustomResourceDefinition of a kind, as apiextensions.k8s.io/v1 takes it. */
export function customResourceDefinition(resource: ResourceKind) {
  const { kind, plural, shortName } = resource;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: crdName(resource), labels: { 'app.kubernetes.io/part-of': 'lockkeeper' } },
    spec: {
      group: apiGroup,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: [shortName],
        categories: ['lockkeeper'],
      },
      versions: [
        {
          name: apiVersion.split('/')[1],
          served: true,
          storage: true,
          additionalPrinterColumns: resource.columns.map(printerColumn),
          subresources: { status: {} },
          schema: { openAPIV3Schema: objectSchema(resource) },
        },
      ],
    },
  };
}

export function crdName({ plural }: ResourceKind): string {
  return `${plural}.${apiGroup}`;
}

/** The schema of a whole object, with the rules for its name and for its updates. */
export function objectSchema({ schema, transitions }: ResourceKind): StructuralSchema {
  const { metadata, spec, status } = schema.shape;
  const required = spec.safeParse(undefined).success ? [] : ['spec'];
  const specSchema = structuralSchema(spec);
  const root: StructuralSchema = {
    ...(specSchema.description === undefined ? {} : { description: specSchema.description }),
    type: 'object',
    ...(required.length === 0 ? {} : { required }),
    properties: {
      apiVersion: { description: `Version of the API: ${apiVersion}.`, type: 'string' },
      kind: { description: 'Kind of the object.', type: 'string' },
      // The name is there since a rule may only name as its field what the schema has.
      metadata: { type: 'object', properties: { name: { type: 'string' } } },
      spec: specSchema,
      status: structuralSchema(status),
    },
    'x-kubernetes-validations': nameRules(metadata.shape.name),
  };
  for (const transition of transitions) addTransition(root, transition);
  return root;
}

/** Kubernetes has a schema of its own for metadata; ours can only add rules from the root. */
function nameRules(name: z.ZodType): Validation[] {
  const schema = structuralSchema(name);
  const rules: Validation[] = [
    { rule: `self.size() <= ${schema.maxLength}`, message: `has at most ${schema.maxLength} characters` },
    ...(schema['x-kubernetes-validations'] ?? []),
  ];
  return rules.map(({ rule, message }) => ({
    rule: rule.replace('self.', 'self.metadata.name.'),
    message,
    fieldPath: '.metadata.name',
  }));
}

function addTransition(root: StructuralSchema, { path, cel, message }: TransitionRule): void {
  const at = path.split('.').reduce(property, root);
  at['x-kubernetes-validations'] = [...(at['x-kubernetes-validations'] ?? []), { rule: cel, message }];
}

function property(schema: StructuralSchema, name: string): StructuralSchema {
  const child = schema.properties?.[name];
  if (child === undefined) throw new Error(`there is no field ${name}`);
  return child;
}

function printerColumn({ name, type, jsonPath, description, wide }: Column) {
  return { name, type, jsonPath, description, ...(wide ? { priority: 1 } : {}) };
}
