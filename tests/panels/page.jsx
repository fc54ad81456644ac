/**
 * Draws a board's JSON with Grafana's own published components: for tests only, since Grafana itself isn't there.
 *
 * The data are Prometheus's own answers. What Grafana's core does between them and the components is done here, as
 * little as can be: answers become frames, transformations and overrides run (both are Grafana's code), a panel's type
 * chooses the component. `window.draw(board, answers)` is called by the test.
 */

import {
  FieldConfigOptionsRegistry, FieldMatcherID, FieldType, ThemeContext, applyFieldOverrides, createTheme, dateTime, fieldMatchers,
  getFieldDisplayValues, identityOverrideProcessor, standardFieldConfigEditorRegistry, standardTransformers,
  standardTransformersRegistry, toDataFrame, transformDataFrame,
} from "@grafana/data";
import { BarGauge, BigValue, GlobalStyles, PanelChrome, Table, TimeSeries, VizRepeater } from "@grafana/ui";
import React from "react";
import { createRoot } from "react-dom/client";
import { lastValueFrom } from "rxjs";
import lines from "uplot/dist/uPlot.min.css";

const COLUMN = 60, ROW = 38, GAP = 8;
const STANDARD = ["unit", "min", "max", "decimals", "displayName", "color", "noValue", "mappings", "thresholds"];
const CUSTOM = ["width", "minWidth", "align", "cellOptions", "axisLabel", "axisPlacement", "lineWidth", "fillOpacity"];

const option = (id, isCustom) => ({
  id: isCustom ? `custom.${id}` : id, path: id, isCustom, name: id, editor: () => null, override: () => null,
  process: identityOverrideProcessor, shouldApply: () => true, settings: {},
});
const options = [...STANDARD.map((id) => option(id, false)), ...CUSTOM.map((id) => option(id, true))];
standardFieldConfigEditorRegistry.setInit(() => options.filter(({ isCustom }) => !isCustom));
const registry = new FieldConfigOptionsRegistry(() => options);
const transformers = new Map(Object.values(standardTransformers).map((transformation) => [transformation.id, transformation]));
standardTransformersRegistry.setInit(() => [...transformers.values()]
  .map((transformation) => ({ id: transformation.id, name: transformation.name, transformation, editor: () => null })));

/** A legend's template, filled. */
const named = (legend, labels) => legend.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label) => labels[label] ?? "");

/** Prometheus's answer to one query as frames. */
function framesOf({ refId, format, legendFormat }, answer) {
  if (format === "table") {
    const labels = [...new Set(answer.flatMap(({ metric }) => Object.keys(metric)))].sort();
    return answer.length ? [toDataFrame({ refId, fields: [
      { name: "Time", type: FieldType.time, values: answer.map(({ value }) => value[0] * 1000) },
      ...labels.map((label) => ({ name: label, type: FieldType.string, values: answer.map(({ metric }) => metric[label] ?? "") })),
      { name: "Value", type: FieldType.number, values: answer.map(({ value }) => Number(value[1])) },
    ] })] : [];
  }
  return answer.map(({ metric, value, values = [value] }) => toDataFrame({ refId, fields: [
    { name: "Time", type: FieldType.time, values: values.map(([at]) => at * 1000) },
    { name: "Value", type: FieldType.number, labels: metric, values: values.map(([, amount]) => Number(amount)),
      config: { displayNameFromDS: named(legendFormat, metric) } },
  ] }));
}

/** What a panel's plugin, which isn't published, adds to a board that doesn't say. */
function withDefaults({ type, fieldConfig: { defaults, overrides } }) {
  const lines = type === "timeseries" || type === "trend";
  return { defaults: lines ? { color: { mode: "palette-classic" }, ...defaults } : defaults, overrides };
}

async function dataOf(panel, answers, theme) {
  const raw = panel.targets.flatMap((target) => framesOf(target, answers[target.refId] ?? []));
  const arranged = await lastValueFrom(transformDataFrame(panel.transformations ?? [], raw));
  return applyFieldOverrides({
    data: arranged, fieldConfig: withDefaults(panel), replaceVariables: (text) => text, theme, fieldConfigRegistry: registry, timeZone: "utc",
  });
}

function Numbers({ panel, frames, width, height, theme, bars }) {
  const values = () => getFieldDisplayValues({
    fieldConfig: panel.fieldConfig, reduceOptions: panel.options.reduceOptions, replaceVariables: (text) => text, theme, data: frames,
  });
  const orientation = panel.options.orientation === "horizontal" || bars ? "horizontal" : "auto";
  const draw = ({ value, width, height }) => bars
    ? <BarGauge value={value.display} width={width} height={height} orientation="horizontal" field={value.field} theme={theme}
        displayMode={panel.options.displayMode} valueDisplayMode="color" showUnfilled display={value.view?.getFieldDisplayProcessor(value.colIndex)} />
    : <BigValue value={value.display} width={width} height={height} theme={theme} colorMode={panel.options.colorMode} graphMode="none"
        textMode={panel.options.textMode} />;
  return <VizRepeater getValues={values} renderValue={draw} width={width} height={height} source={frames} renderCounter={0} orientation={orientation}
    itemSpacing={6} minVizHeight={bars ? 16 : 50} maxVizHeight={300} />;
}

function Content({ panel, frames, width, height, theme, range }) {
  if (!frames.some(({ length }) => length)) return <p className="none">{panel.fieldConfig.defaults.noValue || "No data"}</p>;
  switch (panel.type) {
    case "stat": return <Numbers {...{ panel, frames, width, height, theme }} />;
    case "bargauge": return <Numbers {...{ panel, frames, width, height, theme }} bars />;
    case "table": return <Table data={frames[0]} width={width} height={height} cellHeight={panel.options.cellHeight} />;
    case "timeseries":
      return <TimeSeries frames={frames} width={width} height={height} timeRange={range} timeZone="utc" legend={panel.options.legend} />;
    case "trend": {
      const x = fieldMatchers.get(FieldMatcherID.byName).get(panel.options.xField);
      const y = (field) => field.type === FieldType.number && !x(field);
      const found = frames[0].fields;
      const timeless = () => ({ ...frames[0], fields: [found.find((field) => x(field)), ...found.filter(y)] });
      return <TimeSeries frames={frames} width={width} height={height} timeRange={range} timeZone="utc" legend={panel.options.legend}
        fields={{ x, y }} preparePlotFrame={timeless} />;
    }
    default: return <p className="none">{`no component for ${panel.type}`}</p>;
  }
}

/** Draw a board; resolves once it is there. */
window.draw = async (board, answers, mode) => {
  const theme = createTheme({ colors: { mode } });
  const now = dateTime();
  const range = { from: dateTime().subtract(2, "minutes"), to: now, raw: { from: "now-2m", to: "now" } };
  const panels = board.panels.filter(({ type }) => type !== "text");
  const data = new Map(await Promise.all(panels.filter(({ type }) => type !== "row")
    .map(async (panel) => [panel.id, await dataOf(panel, answers[panel.id] ?? {}, theme)])));
  const place = ({ x, y, w, h }) => ({ position: "absolute", left: x * COLUMN, top: y * ROW, width: w * COLUMN - GAP, height: h * ROW - GAP });
  const drawn = panels.map((panel) => <div key={panel.id} id={`panel-${panel.id}`} style={place(panel.gridPos)}>
    {panel.type === "row" ? <h3>{panel.title}</h3>
      : <PanelChrome title={panel.title} description={panel.description} width={panel.gridPos.w * COLUMN - GAP} height={panel.gridPos.h * ROW - GAP}>
        {(width, height) => <Content {...{ panel, width, height, theme, range }} frames={data.get(panel.id)} />}
      </PanelChrome>}
  </div>);
  const high = Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * ROW;
  const root = document.getElementById("board");
  Object.assign(root.style, { position: "relative", width: `${24 * COLUMN}px`, height: `${high}px` });
  document.body.style.background = theme.colors.background.canvas;
  document.head.append(Object.assign(document.createElement("style"), { textContent: lines }));
  createRoot(root).render(<ThemeContext.Provider value={theme}><GlobalStyles />{drawn}</ThemeContext.Provider>);
};
