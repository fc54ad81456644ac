// @ts-check
/** What the board says beside the catalogue's own titles, in both languages. */

/** @type {Record<string, [en: string, fa: string]>} */
const WORDS = {
  title: ["Live customer KPIs", "شاخص‌های زندهٔ مشتریان"],
  skip: ["Skip to the figures", "پرش به شاخص‌ها"],
  window: ["Window", "بازه"],
  slice: ["Customers", "مشتریان"],
  everybody: ["Everybody", "همه"],
  language: ["فارسی", "English"],
  theme: ["Light or dark", "روشن یا تیره"],
  lifetime: ["All time", "از آغاز"],
  month: ["Month", "ماه جاری"],
  quarter: ["Quarter", "فصل جاری"],
  year: ["Year", "سال جاری"],
  h: ["h", "ساعت"],
  d: ["d", "روز"],
  channel: ["Channel", "کانال"],
  segment: ["Segment", "بخش مشتریان"],
  country: ["Country", "کشور"],
  plan: ["Plan", "طرح"],
  connecting: ["Connecting", "در حال اتصال"],
  live: ["Live", "زنده"],
  cut: ["Disconnected", "اتصال قطع است"],
  lost: ["No engine answers", "موتور پاسخ نمی‌دهد"],
  noConnection: ["No connection to the engine", "اتصال به موتور برقرار نیست"],
  cutSince: ["Connection lost at {0}. Trying again.", "اتصال در {0} قطع شد؛ تلاش برای اتصال دوباره."],
  lostLong: ["No worker answers for the KPIs. Figures come back by themselves.", "هیچ کارگری پاسخگوی شاخص‌ها نیست؛ مقدارها خودبه‌خود بازمی‌گردند."],
  back: ["Connected again", "اتصال دوباره برقرار شد"],
  asOf: ["As of", "تا"],
  unknown: ["Unknown", "نامعلوم"],
  unknownSome: ["{0} KPIs are unknown", "{0} شاخص نامعلوم است"],
  unknownAll: ["No KPI is known now", "اکنون هیچ شاخصی معلوم نیست"],
  undefinedHere: ["Nothing to divide by in this window", "در این بازه مخرجی برای محاسبه نیست"],
  notInWindow: ["Not defined for this window", "برای این بازه تعریف نشده است"],
  notInSlice: ["Not known for these customers", "برای این گروه از مشتریان معلوم نیست"],
  waiting: ["Waiting for figures", "در انتظار داده"],
  better: ["better", "بهتر"],
  worse: ["worse", "بدتر"],
  unchanged: ["No change since {0}", "بدون تغییر از {0}"],
  since: ["since {0}", "از {0}"],
  targetOf: ["Target, {0}: {1}", "هدف {0}: {1}"],
  pace: ["pace {0}", "پیشروی {0}"],
  nowAt: ["now {0}", "اکنون {0}"],
  ofAll: ["everybody {0}", "همه: {0}"],
  about: ["About {0}", "دربارهٔ {0}"],
  formula: ["Formula", "فرمول"],
  gauge: ["Metric", "نام سنجه"],
  close: ["Close", "بستن"],
  days: ["days", "روز"],
  years: ["years", "سال"],
  hours: ["h", "ساعت"],
  minutes: ["min", "دقیقه"],
  seconds: ["s", "ثانیه"],
  points: ["pp", "واحد درصد"],
  main: ["Main figures", "شاخص‌های اصلی"],
  churn: ["Churn", "ریزش مشتری"],
  acquisition: ["Acquisition", "جذب مشتری"],
  revenue: ["Revenue and value", "درآمد و ارزش"],
  satisfaction: ["Satisfaction", "رضایت"],
  loyalty: ["Loyalty programme", "باشگاه مشتریان"],
  engine: ["Engine", "موتور"],
  alerts: ["Alerts", "هشدارها"],
  reasons: ["Reasons given", "دلایل ریزش"],
  segments: ["Where customers are lost", "ریزش در کدام گروه‌ها"],
  by: ["by", "به تفکیک"],
  group: ["Group", "گروه"],
  lostHere: ["Lost", "ازدست‌رفته"],
  shareOfLost: ["Share of lost", "سهم از ریزش"],
  rate: ["Churn rate", "نرخ ریزش"],
  evidence: ["Observed and expected", "مشاهده و انتظار"],
  course: ["its course", "روند"],
  watch: ["Watch", "پایش"],
  span: ["Window", "بازه"],
  observed: ["Observed", "مشاهده"],
  expected: ["Expected", "انتظار"],
  alertFrom: ["Alert from", "هشدار از"],
  chance: ["By chance", "احتمال تصادف"],
  state: ["State", "وضعیت"],
  firing: ["Firing", "فعال"],
  calm: ["Usual", "عادی"],
  over: ["Subsided", "فروکش کرده"],
  tooFew: ["Too few customers", "مشتری کم است"],
  learning: ["Learning", "در حال یادگیری"],
  noAlerts: ["No alert is firing", "هیچ هشداری فعال نیست"],
  firingCount: ["{0} alerts firing", "{0} هشدار فعال"],
  firingOne: ["Alert: {0}, {1}", "هشدار: {0}، {1}"],
  funnel: ["Leads by stage", "سرنخ‌ها به تفکیک مرحله"],
  touchpoints: ["Satisfied, by touchpoint", "رضایت به تفکیک نقطهٔ تماس"],
  margin: ["± {0} at 95 %", "± {0} با اطمینان ۹۵٪"],
  responses: ["{0} responses", "{0} پاسخ"],
  lostLeads: ["Lost: {0}", "ازدست‌رفته: {0}"],
  nothing: ["Nothing in this window", "در این بازه چیزی نیست"],
  chartOf: ["{0}: from {1} at {2} to {3} at {4}; lowest {5}, highest {6}", "{0}: از {1} در {2} تا {3} در {4}؛ کمترین {5}، بیشترین {6}"],
  noTrend: ["No history yet", "هنوز تاریخچه‌ای نیست"],
  trendOfAll: ["Trends are kept for everybody only", "روند فقط برای همهٔ مشتریان نگهداری می‌شود"],
  ready: ["Ready", "آماده"],
  notReady: ["Not ready", "آماده نیست"],
  healthy: ["Worker healthy", "کارگر سالم است"],
  unhealthy: ["Worker not healthy", "کارگر سالم نیست"],
  snapshot: ["Snapshot of", "تصویر لحظهٔ"],
  lastNews: ["Last change", "آخرین تغییر"],
  ago: ["{0} ago", "{0} پیش"],
  partitions: ["Partitions here", "پارتیشن‌های این کارگر"],
  persons: ["Persons here", "اشخاص این کارگر"],
  speaker: ["KPI agent", "گویندهٔ شاخص‌ها"],
  here: ["this worker", "همین کارگر"],
  elsewhere: ["another worker", "کارگری دیگر"],
  sources: ["Sources delivered up to", "منبع‌ها تا این لحظه رسیده‌اند"],
  behindBy: ["{0} behind", "{0} عقب"],
  tokenWanted: ["This board wants a token", "این تابلو توکن می‌خواهد"],
  tokenWhy: ["The engine's web.token; it stays in this tab and never in the address.", "مقدار web.token موتور؛ فقط در همین برگه می‌ماند و هرگز در نشانی نمی‌آید."],
  tokenWrong: ["That token was refused", "این توکن پذیرفته نشد"],
  token: ["Token", "توکن"],
  open: ["Open the board", "بازکردن تابلو"],
  chartsMissing: ["Charts could not be loaded; the figures are complete without them.", "نمودارها بارگذاری نشد؛ عددها بدون آن‌ها هم کامل‌اند."],
};

/**
 * @param {"en" | "fa"} lang
 * @returns {(name: string, ...filled: string[]) => string} a word; a name that is none is said as it is
 */
export function wordsIn(lang) {
  const column = lang === "fa" ? 1 : 0;
  return (name, ...filled) => {
    const text = WORDS[name]?.[column] ?? name;
    return text.replace(/\{(\d)\}/g, (_, number) => filled[Number(number)] ?? "");
  };
}

/**
 * What a window is called: `30d` is "30 d", `month` "Month".
 * @param {string} name
 * @param {(name: string) => string} word
 * @param {(value: number) => string} digits
 */
export function windowName(name, word, digits) {
  const rolling = name.match(/^(\d+)([hd])$/);
  return rolling ? `${digits(Number(rolling[1]))} ${word(rolling[2])}` : word(name);
}
