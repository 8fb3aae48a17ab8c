import { defineEntity, type InferEntity } from '@mikro-orm/postgresql';
import type { RunFields } from './runs.ts';
import { SfContact } from './sf-contact-entity.ts';

/** Entities for reading through the API; their tables are made by migrations and written by projections. */

const account = defineEntity({
  name: 'Account',
  tableName: 'accounts',
  properties: (p) => ({
    id: p.text().primary(),
    ghlLocationId: p.text().nullable(),
    companyName: p.text(),
    industry: p.text(),
    subscriptionTier: p.text(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  }),
});

const vendor = defineEntity({
  name: 'Vendor',
  tableName: 'vendors',
  properties: (p) => ({
    id: p.text().primary(),
    accountId: p.text(),
    name: p.text(),
    companyName: p.text().nullable(),
    email: p.text().nullable(),
    phone: p.text().nullable(),
    ghlContactId: p.text().nullable(),
    ghlUserId: p.text().nullable(),
    serviceCategories: p.json<string[]>(),
    servicesOffered: p.json<string[]>(),
    serviceZipCodes: p.text().nullable(),
    coverageType: p.text().nullable(),
    coverageStates: p.json<string[]>(),
    coverageCounties: p.json<string[]>(),
    lastLeadAssigned: p.datetime().nullable(),
    leadClosePercentage: p.decimal('number').nullable(),
    status: p.text(),
    takingNewWork: p.boolean(),
    primaryServiceCategory: p.text().nullable(),
    previousStatus: p.text().nullable(),
    missingSince: p.datetime().nullable(),
    localStatus: p.text().nullable(),
    reclassifiedAs: p.text().nullable(),
    reclassifiedAt: p.datetime().nullable(),
    sourceUpdatedAt: p.datetime().nullable(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  }),
});

const lead = defineEntity({
  name: 'Lead',
  tableName: 'leads',
  properties: (p) => ({
    id: p.text().primary(),
    accountId: p.text(),
    vendorId: p.text().nullable(),
    ghlContactId: p.text().nullable(),
    ghlOpportunityId: p.text().nullable(),
    serviceCategory: p.text().nullable(),
    customerName: p.text().nullable(),
    customerEmail: p.text().nullable(),
    customerPhone: p.text().nullable(),
    serviceDetails: p.json<unknown>(),
    estimatedValue: p.decimal('number').nullable(),
    priorityScore: p.decimal('number').nullable(),
    priority: p.text(),
    source: p.text().nullable(),
    status: p.text(),
    primaryServiceCategory: p.text().nullable(),
    specificServiceRequested: p.text().nullable(),
    customerZipCode: p.text().nullable(),
    serviceZipCode: p.text().nullable(),
    serviceCounty: p.text().nullable(),
    serviceState: p.text().nullable(),
    serviceCity: p.text().nullable(),
    serviceComplexity: p.text().nullable(),
    estimatedDuration: p.text().nullable(),
    requiresEmergencyResponse: p.boolean().nullable(),
    classificationConfidence: p.decimal('number').nullable(),
    classificationReasoning: p.text().nullable(),
    assignedAt: p.datetime().nullable(),
    specificServices: p.json<string[]>().nullable(),
    previousStatus: p.text().nullable(),
    missingSince: p.datetime().nullable(),
    reclassifiedAs: p.text().nullable(),
    reclassifiedAt: p.datetime().nullable(),
    sourceUpdatedAt: p.datetime().nullable(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
  }),
});

const run = defineEntity({
  name: 'Run',
  tableName: 'runs',
  properties: (p) => ({
    syncId: p.text().primary(),
    source: p.text(),
    account: p.text(),
    mode: p.text().nullable(),
    dryRun: p.boolean(),
    status: p.text(),
    phase: p.text().nullable(),
    success: p.boolean().nullable(),
    message: p.text().nullable(),
    exitCode: p.integer().nullable(),
    error: p.json<{ code: string; kind: string; message: string }>().nullable(),
    counters: p.json<Record<string, number>>().nullable(),
    tableCounters: p.json<Record<string, number>>().nullable(),
    fieldErrors: p.json<{ contactId: string; field: string; code: string }[]>().nullable(),
    fields: p.json<RunFields>().nullable(),
    heldTables: p.json<string[]>().nullable(),
    progress: p.json<Record<string, number | string | null>>().nullable(),
    joinedTo: p.text().nullable(),
    requestedBy: p.text().nullable(),
    requestedAt: p.datetime().nullable(),
    startedAt: p.datetime().nullable(),
    readAt: p.datetime().nullable(),
    finishedAt: p.datetime().nullable(),
    pausedAt: p.datetime().nullable(),
    updatedAt: p.datetime(),
  }),
});

/** All entities, for the ORM. */
export const ENTITIES = [account, vendor, lead, run, SfContact];
/** Entity of vendors. */
export const Vendor = vendor;
/** Entity of leads. */
export const Lead = lead;
/** Entity of runs. */
export const Run = run;
/** Entity of accounts. */
export const Account = account;
/** A row of vendors as the API reads it. */
export type VendorRecord = InferEntity<typeof vendor>;
/** A row of leads as the API reads it. */
export type LeadRecord = InferEntity<typeof lead>;
/** A row of runs as the API and the CLI read it. */
export type RunRecord = InferEntity<typeof run>;
