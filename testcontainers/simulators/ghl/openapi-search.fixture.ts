const nullable = (type: string): object => ({ type, nullable: true });
const closed = (properties: Record<string, object>, required: string[] = []): Record<string, unknown> => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
});
const list = (items: object): object => ({ type: 'array', items });

const FILTER = {
  anyOf: [
    closed({ field: { type: 'string' }, operator: { type: 'string' }, value: {} }, ['field', 'operator']),
    closed({ group: { enum: ['AND', 'OR'] }, filters: { type: 'array', items: { type: 'object' } } }, [
      'group',
      'filters',
    ]),
  ],
};
const SORT = closed(
  {
    field: {
      enum: [
        'firstNameLowerCase',
        'lastNameLowerCase',
        'businessName',
        'dateAdded',
        'dateUpdated',
        'email',
        'dnd',
        'source',
      ],
    },
    direction: { enum: ['asc', 'desc'] },
  },
  ['field', 'direction'],
);

/** The body of POST /contacts/search, from the API's own page about it: the files leave it empty. */
export const SEARCH_BODY = {
  ...closed(
    {
      locationId: { type: 'string' },
      pageLimit: { type: 'integer', minimum: 1, maximum: 500 },
      page: { type: 'integer', minimum: 1 },
      searchAfter: { type: 'array', minItems: 2 },
      query: { type: 'string', maxLength: 75 },
      filters: list(FILTER),
      sort: { ...list(SORT), maxItems: 2 },
    },
    ['locationId', 'pageLimit'],
  ),
  not: { required: ['page', 'searchAfter'] },
};

const OPPORTUNITY = closed({
  id: { type: 'string' },
  pipelineId: { type: 'string' },
  pipelineStageId: { type: 'string' },
  status: { type: 'string' },
  monetaryValue: { type: 'number' },
});

/** Nulls are sent for what is empty; names are those of live samples (`address`, not `address1`). */
const CONTACT = closed(
  {
    id: { type: 'string' },
    locationId: { type: 'string' },
    ...Object.fromEntries(
      (
        'contactName firstName lastName firstNameLowerCase lastNameLowerCase companyName businessName email phone phoneLabel ' +
        'address city state country postalCode website timezone type source assignedTo dateOfBirth'
      )
        .split(' ')
        .map((key) => [key, nullable('string')]),
    ),
    validEmail: nullable('boolean'),
    followers: list({ type: 'string' }),
    tags: list({ type: 'string' }),
    customFields: list(closed({ id: { type: 'string' }, value: {} }, ['id', 'value'])),
    dnd: { type: 'boolean' },
    dndSettings: { type: 'object' },
    inboundDndSettings: nullable('object'),
    additionalEmails: { type: 'array' },
    additionalPhones: { type: 'array' },
    dateAdded: { type: 'string', format: 'date-time' },
    dateUpdated: { type: 'string', format: 'date-time', nullable: true },
    opportunities: list(OPPORTUNITY),
    searchAfter: { type: 'array', minItems: 2 },
  },
  ['id', 'locationId', 'dateAdded', 'tags', 'customFields', 'searchAfter'],
);

/** The answer of POST /contacts/search, from live samples: the files have none. */
export const SEARCH_RESULT = closed(
  { contacts: list(CONTACT), total: { type: 'integer' }, traceId: { type: 'string' } },
  ['contacts', 'total'],
);
