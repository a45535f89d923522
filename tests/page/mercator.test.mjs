// @ts-check
// Where places are on the map, and the lines across it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WORLD, between, bounded, fit, graticule, project, scaleOf } from '../../public/js/mercator.js';

const SIZE = { width: 600, height: 400 };

test('the lines are where the places of their degrees are', () => {
  for (const [latitude, longitude, zoom] of [[35.69, 139.69, 11], [-17.8, 179.95, 9], [64, -180, 4.5], [0, 0, 2], [84, 20, 14]]) {
    const camera = bounded({ ...project(latitude, longitude), zoom }, SIZE);
    const { meridians, parallels } = graticule(camera, SIZE);
    assert.ok(meridians.length > 0 && parallels.length >= 0, `${zoom}`);
    for (const { at, degrees } of meridians) {
      assert.ok(at >= 0 && at <= SIZE.width && degrees >= -180 && degrees <= 180, `${at} ${degrees}`);
      const across = (project(0, degrees).x - camera.x) / WORLD;
      assert.ok(Math.abs((across - Math.round(across)) * WORLD * scaleOf(camera.zoom) + SIZE.width / 2 - at) < 0.6, `${degrees} at ${at}`);
    }
    for (const { at, degrees } of parallels) {
      assert.ok(at >= -0.6 && at <= SIZE.height + 0.6, `${at}`);
      assert.ok(Math.abs((project(degrees, 0).y - camera.y) * scaleOf(camera.zoom) + SIZE.height / 2 - at) < 0.6, `${degrees} at ${at}`);
    }
    for (const lines of [meridians, parallels]) {
      lines.slice(1).forEach(({ at }, index) => assert.ok(Math.abs(at - lines[index].at) > 30, 'lines are told apart'));
    }
  }
});

test('around the date line the way is the shorter one, and all places are seen', () => {
  const [fiji, samoa] = [project(-17.8, 178), project(-13.8, -172)];
  const half = between({ ...fiji, zoom: 5 }, { ...samoa, zoom: 5 }, 0.5);
  assert.ok(half.x > fiji.x && half.x < WORLD + samoa.x);
  const camera = fit([project(35.7, 139.7), project(51.5, -0.1)], SIZE);
  assert.ok(camera && camera.zoom > 0 && camera.zoom < 4);
  assert.equal(fit([], SIZE), null);
});
