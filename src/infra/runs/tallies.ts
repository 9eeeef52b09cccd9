/** The key of what is counted of one schedule, among those created under its id one after the other. */
export function tallyId(scheduleId: string, createdAt: Date | undefined): string {
  return `${scheduleId}@${createdAt?.toISOString() ?? ''}`;
}
