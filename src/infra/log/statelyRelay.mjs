/**
 * The relay between replicas and the page of Stately's inspector, as a thread of its own: when its port is taken, which
 * its library lets nobody catch, only this thread ends.
 */
import { workerData } from 'node:worker_threads';
import { createInspectorServer } from '@statelyai/inspect/server';

createInspectorServer({ port: workerData.port, autoOpen: false });
