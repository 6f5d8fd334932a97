// The same from CommonJS.

import collectMetrics = require('spillway/prometheus')
import client = require('prom-client')

const stop: () => void = collectMetrics(client, { register: client.register })
stop()
