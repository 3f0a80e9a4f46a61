// MQTT.js as a subscriber or publisher of the end-to-end tests (see harness/families.py).
'use strict'

const { parseArgs } = require('node:util')
const readline = require('node:readline')
const mqtt = require('mqtt')

const string = { type: 'string' }
const flag = { type: 'boolean', default: false }
const { values: options, positionals: [mode] } = parseArgs({
  allowPositionals: true,
  options: {
    host: string, version: string, id: string, qos: string, filter: string, topic: string,
    retain: flag, persistent: flag, 'will-topic': string, 'will-payload': string
  }
})
const version = Number(options.version)
const qos = Number(options.qos)

const client = mqtt.connect({
  host: options.host,
  port: 1883,
  protocolVersion: version,
  protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
  clientId: options.id,
  clean: !options.persistent,
  reconnectPeriod: 0,
  properties: version === 5 && options.persistent ? { sessionExpiryInterval: 3600 } : undefined,
  will: options['will-topic']
    ? { topic: options['will-topic'], payload: Buffer.from(options['will-payload']), qos: 1 }
    : undefined
})

client.on('error', (error) => {
  console.log('closed', error.message)
  process.exit(3)
})

function subscribe () {
  let reason = 'without a word'
  client.on('message', (topic, payload, packet) => {
    console.log('message', packet.qos, packet.retain ? 1 : 0, topic, payload.toString())
  })
  client.on('disconnect', (packet) => { reason = packet.reasonCode })
  client.on('close', () => {
    console.log('closed', reason)
    process.exit(0)
  })
  client.on('connect', (connack) => {
    client.subscribe(options.filter, { qos }, (error) => {
      if (error) throw error
      console.log('ready', connack.sessionPresent ? 1 : 0)
    })
  })
  process.on('SIGTERM', () => client.end())
}

async function publish () {
  await new Promise((resolve) => client.once('connect', resolve))
  const acknowledged = []
  for await (const line of readline.createInterface({ input: process.stdin })) {
    acknowledged.push(client.publishAsync(options.topic, line, { qos, retain: options.retain }))
  }
  await Promise.all(acknowledged)
  await client.endAsync()
  console.log('published')
}

if (mode === 'sub') subscribe()
else publish()
