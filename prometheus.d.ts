import type { Counter, Gauge, Registry } from 'prom-client'

/**
 * Adds what all streams of this thread have been through to a registry of {@link https://github.com/siimon/prom-client | prom-client}.
 * Streams that were opened before can't be seen. Counters keep what closed streams have counted.
 *
 * @param client prom-client, as `require` or `import` gives it
 * @returns a function that takes the metrics out of the registry again
 * @throws Error the registry has a metric of the same name
 *
 * @example
 * ```js
 * const client = require('prom-client')
 * require('spillway/prometheus')(client, { labels: { app: 'shop' } })
 * ```
 */
declare function collectMetrics (client: collectMetrics.Client, options?: collectMetrics.MetricsOptions): () => void

declare namespace collectMetrics {
  /** What is used of prom-client. */
  interface Client {
    Counter: typeof Counter
    Gauge: typeof Gauge
    register: Registry
  }

  /** As those of prom-client's `collectDefaultMetrics`, and `path`. */
  interface MetricsOptions {
    /**
     * The registry.
     *
     * @defaultValue prom-client's `register`
     */
    register?: Registry<any> | undefined

    /**
     * Stands before each name: `spillway_streams` and so on.
     *
     * @defaultValue none
     */
    prefix?: string | undefined

    /**
     * Labels of all metrics.
     *
     * @defaultValue none
     */
    labels?: Record<string, string> | undefined

    /**
     * Whether there is a label `path`, or a function that makes it of a stream's path. Each value makes sixteen time series, which stay when its streams
     * are closed: a function that leaves out dates and numbers keeps them few. For a stream without a path it is `fd` and the number.
     *
     * @defaultValue `false`: the metrics are sums over all streams
     */
    path?: boolean | ((path: string) => string) | undefined
  }
}

export = collectMetrics
