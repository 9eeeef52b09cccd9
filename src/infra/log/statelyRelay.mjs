/**
 * The relay between replicas and the page of Stately's inspector, as a thread of its own: a taken
 * port raises an error that can't be caught, and ends only this thread.
 */
import { workerData } from 'node:worker_threads';
import { createInspectorServer } from '@statelyai/inspect/server';

createInspectorServer({ port: workerData.port, autoOpen: false });
