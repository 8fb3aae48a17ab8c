import type { Request, Response } from 'express';
import { answer, fail } from './answers.ts';
import { placeOf, type Api } from './api.ts';
import { checkBody, checkQuery, type Dto } from './dto.ts';
import type { CustomField } from './fields.ts';
import type { World } from './world.ts';

const DATA_TYPES = (
  'TEXT LARGE_TEXT NUMERICAL PHONE MONETORY CHECKBOX SINGLE_OPTIONS MULTIPLE_OPTIONS DATE TEXTBOX_LIST FILE_UPLOAD RADIO ' +
  'SIGNATURE'
).split(' ');
const MODELS = ['contact', 'opportunity'];
const CHANGE_FIELD: Dto = {
  name: { type: 'string', required: true },
  placeholder: { type: 'string' },
  acceptedFormat: { type: 'strings' },
  isMultipleFile: { type: 'boolean' },
  maxNumberOfFiles: { type: 'number' },
  textBoxListOptions: { type: 'objects' },
  position: { type: 'number' },
  model: { type: 'string', oneOf: MODELS },
};
/** Options, folder, key and description work though nobody documents them (issue 300). */
const CREATE_FIELD: Dto = {
  ...CHANGE_FIELD,
  dataType: { type: 'string', required: true, oneOf: DATA_TYPES },
  options: { type: 'strings' },
  parentId: { type: 'string' },
  fieldKey: { type: 'string' },
  description: { type: 'string' },
};
const LIST: Dto = { model: { type: 'string', oneOf: [...MODELS, 'all'] } };
const VALUE: Dto = { name: { type: 'string', required: true }, value: { type: 'string', required: true } };

/** Custom fields and custom values of a location (ghl section 2.14). */
export function addCustomRoutes(api: Api): void {
  addFieldRoutes(api);
  addValueRoutes(api);
}

function addFieldRoutes(api: Api): void {
  const { app, authorize } = api;
  const mayRead = authorize('locations/customFields.readonly');
  const mayWrite = authorize('locations/customFields.write');
  const all = '/locations/:id/customFields';
  const worldOf = (request: Request, response: Response): World => placeOf(api, response, request.params['id']).world;

  app.get(all, mayRead, (request, response) => {
    const world = worldOf(request, response);
    const { model = 'all' } = checkQuery(request.query, LIST);
    const fields = [...world.customFields.values()].filter((field) => model === 'all' || field.model === model);
    answer(response, { customFields: fields.map((field) => fieldOf(world, field)) });
  });
  app.post(all, mayWrite, (request, response) => {
    const world = worldOf(request, response);
    const { name, dataType, placeholder = '', model = 'contact', options = [] } = checkBody(request.body, CREATE_FIELD);
    const field = { id: world.newId(), name, dataType, placeholder, model, picklistOptions: options } as CustomField;
    world.customFields.set(field.id, field);
    answer(response, { customField: fieldOf(world, field) }, 201);
  });
  app.get(`${all}/:fieldId`, mayRead, (request, response) => {
    const world = worldOf(request, response);
    answer(response, { customField: fieldOf(world, findField(world, request.params['fieldId'])) });
  });
  app.put(`${all}/:fieldId`, mayWrite, (request, response) => {
    const world = worldOf(request, response);
    const field = findField(world, request.params['fieldId']);
    const { name, placeholder = field.placeholder } = checkBody(request.body, CHANGE_FIELD);
    const changed = { ...field, name, placeholder } as CustomField;
    world.customFields.set(field.id, changed);
    answer(response, { customField: fieldOf(world, changed) });
  });
  app.delete(`${all}/:fieldId`, mayWrite, (request, response) => {
    const world = worldOf(request, response);
    world.customFields.delete(findField(world, request.params['fieldId']).id);
    answer(response, { succeded: true });
  });
}

/** By id or by field key: the real route takes both. */
function findField(world: World, given: unknown): CustomField {
  const field = [...world.customFields.values()].find((known) => known.id === given || fieldKey(known) === given);
  if (field === undefined) throw fail(400, `Custom field with id ${String(given)} not found`);
  return field;
}

const slug = (name: string): string => name.toLowerCase().replace(/\W+/g, '_');
const fieldKey = ({ name, model }: CustomField): string => `${model}.${slug(name)}`;

function fieldOf(world: World, field: CustomField): object {
  return {
    ...field,
    fieldKey: fieldKey(field),
    position: [...world.customFields.keys()].indexOf(field.id) * 50,
    picklistImageOptions: [],
    isAllowedCustomOption: false,
    isMultiFileAllowed: false,
    maxFileLimit: 1,
    locationId: world.locationId,
  };
}

function addValueRoutes(api: Api): void {
  const { app, authorize } = api;
  const mayRead = authorize('locations/customValues.readonly');
  const mayWrite = authorize('locations/customValues.write');
  const all = '/locations/:id/customValues';
  const worldOf = (request: Request, response: Response): World => placeOf(api, response, request.params['id']).world;
  const save = (world: World, id: string, body: unknown): object => {
    const { name, value } = checkBody(body, VALUE) as { name: string; value: string };
    world.customValues.set(id, { id, name, value });
    return valueOf(world, id);
  };

  app.get(all, mayRead, (request, response) => {
    const world = worldOf(request, response);
    answer(response, { customValues: [...world.customValues.keys()].map((id) => valueOf(world, id)) });
  });
  app.post(all, mayWrite, (request, response) => {
    const world = worldOf(request, response);
    answer(response, { customValue: save(world, world.newId(), request.body) }, 201);
  });
  app.get(`${all}/:valueId`, mayRead, (request, response) => {
    answer(response, { customValue: valueOf(worldOf(request, response), request.params['valueId']) });
  });
  app.put(`${all}/:valueId`, mayWrite, (request, response) => {
    const world = worldOf(request, response);
    const { id } = valueOf(world, request.params['valueId']);
    answer(response, { customValue: save(world, id, request.body) });
  });
  app.delete(`${all}/:valueId`, mayWrite, (request, response) => {
    const world = worldOf(request, response);
    world.customValues.delete(valueOf(world, request.params['valueId']).id);
    answer(response, { succeded: true });
  });
}

function valueOf(world: World, id: unknown): { id: string; [key: string]: unknown } {
  const known = world.customValues.get(String(id));
  if (known === undefined) throw fail(400, `Custom value with id ${String(id)} not found`);
  return { ...known, fieldKey: `{{ custom_values.${slug(known.name)} }}`, locationId: world.locationId };
}
