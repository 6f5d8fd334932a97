// Metrics for prom-client, which is given in any way that it can be imported.

import promClient, { Registry, type OpenMetricsContentType } from 'prom-client'
import * as all from 'prom-client'
import collectMetrics from 'spillway/prometheus'

const stop: () => void = collectMetrics(promClient)
stop()
collectMetrics(all, { register: new Registry(), prefix: 'app_', labels: { app: 'shop' }, path: true })
collectMetrics(all, { register: new Registry<OpenMetricsContentType>(), path: path => path.slice(1) })

const options: collectMetrics.MetricsOptions = { path: false }
collectMetrics(all, options)

// @ts-expect-error A registry has no classes of metrics.
collectMetrics(new Registry())
// @ts-expect-error A label is a string.
collectMetrics(all, { path: () => 3 })
