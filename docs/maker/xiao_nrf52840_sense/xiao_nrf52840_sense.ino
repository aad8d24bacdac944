/* Example: Seeed XIAO nRF52840 Sense as a tallrun foot or pelvis sensor.
 *
 * NOT RUN ON HARDWARE. The packet bytes come from tallrun_packet.c, which is tested on the host; the radio
 * and sensor calls below follow the libraries' documentation and have not been tried on a board.
 *
 * Board package: "Seeed nRF52 Boards" (the non-mbed core, with the Bluefruit library).
 * Library: "Seeed Arduino LSM6DS3". Copy tallrun_packet.h and tallrun_packet.c beside this file.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <Adafruit_TinyUSB.h>
#include <LSM6DS3.h>
#include <Wire.h>
#include <bluefruit.h>

#include "tallrun_packet.h"

/* Set for each sensor before flashing. */
static const tallrun_location LOCATION = TALLRUN_LOCATION_FOOT_LEFT;

/* LSM6DS3TR-C at 16 g and 2000 dps, 208 samples per second. */
static const float G_PER_LSB = 0.000488f;
static const float DPS_PER_LSB = 0.070f;
static const uint32_t NOMINAL_PERIOD_US = 4808;
static const uint8_t REG_CTRL1_XL = 0x10, REG_CTRL2_G = 0x11, REG_FIFO_CTRL3 = 0x08, REG_FIFO_CTRL5 = 0x0A;
static const uint8_t REG_FIFO_STATUS1 = 0x3A, REG_FIFO_STATUS2 = 0x3B, REG_FIFO_DATA = 0x3E;
static const uint16_t WORDS_PER_SAMPLE = 6;

/* b5c4xxxx-6f5d-4c1b-9a64-74616c6c7275, least significant byte first. */
#define TALLRUN_UUID(low, high) \
    { 0x75, 0x72, 0x6c, 0x6c, 0x61, 0x74, 0x64, 0x9a, 0x1b, 0x4c, 0x5d, 0x6f, low, high, 0xc4, 0xb5 }
static const uint8_t UUID_SERVICE[16] = TALLRUN_UUID(0x01, 0x00);
static const uint8_t UUID_DATA[16] = TALLRUN_UUID(0x02, 0x00);
static const uint8_t UUID_INFO[16] = TALLRUN_UUID(0x03, 0x00);
static const uint8_t UUID_CONTROL[16] = TALLRUN_UUID(0x04, 0x00);
static const uint8_t UUID_TIME[16] = TALLRUN_UUID(0x05, 0x00);

LSM6DS3 imu(I2C_MODE, 0x6A);
BLEService service(UUID_SERVICE);
BLECharacteristic dataCharacteristic(UUID_DATA);
BLECharacteristic infoCharacteristic(UUID_INFO);
BLECharacteristic controlCharacteristic(UUID_CONTROL);
BLECharacteristic timeCharacteristic(UUID_TIME);
BLEBas battery;

static tallrun_sample batch[TALLRUN_SAMPLES_PER_PACKET];
static uint16_t sequence = 0;
static volatile bool running = false;
static uint32_t lastBatchEndUs = 0;
static float periodUs = NOMINAL_PERIOD_US;

static void startFifo() {
    imu.writeRegister(REG_CTRL1_XL, 0x54);   /* 208 Hz, 16 g */
    imu.writeRegister(REG_CTRL2_G, 0x5C);    /* 208 Hz, 2000 dps */
    imu.writeRegister(REG_FIFO_CTRL5, 0x00); /* bypass empties the FIFO */
    imu.writeRegister(REG_FIFO_CTRL3, 0x09); /* gyroscope and accelerometer, no decimation */
    imu.writeRegister(REG_FIFO_CTRL5, 0x2E); /* 208 Hz, continuous */
    lastBatchEndUs = 0;
    periodUs = NOMINAL_PERIOD_US;
}

static void onControl(uint16_t, BLECharacteristic *, uint8_t *value, uint16_t length) {
    if (length >= 1 && value[0] == 0x01) {
        startFifo();
        running = true;
    } else if (length >= 1 && value[0] == 0x00) {
        running = false;
    }
}

static void onTimeRead(uint16_t connection, BLECharacteristic *characteristic, ble_gatts_evt_read_t *) {
    uint32_t now = micros();
    ble_gatts_rw_authorize_reply_params_t reply = {};
    reply.type = BLE_GATTS_AUTHORIZE_TYPE_READ;
    reply.params.read.gatt_status = BLE_GATT_STATUS_SUCCESS;
    reply.params.read.update = 1;
    reply.params.read.len = sizeof now;
    reply.params.read.p_data = reinterpret_cast<uint8_t *>(&now);
    sd_ble_gatts_rw_authorize_reply(connection, &reply);
    (void)characteristic;
}

static void onConnect(uint16_t connection) {
    BLEConnection *link = Bluefruit.Connection(connection);
    link->requestPHY();
    link->requestDataLengthUpdate();
    link->requestMtuExchange(247);
    link->requestConnectionParameter(12); /* 15 ms: what every host accepts */
}

void setup() {
    pinMode(PIN_LSM6DS3TR_C_POWER, OUTPUT);
    digitalWrite(PIN_LSM6DS3TR_C_POWER, HIGH);
    delay(20);
    imu.begin();

    Bluefruit.configPrphBandwidth(BANDWIDTH_MAX);
    Bluefruit.begin();
    Bluefruit.setName("tallrun");
    Bluefruit.Periph.setConnectCallback(onConnect);

    service.begin();
    dataCharacteristic.setProperties(CHR_PROPS_NOTIFY);
    dataCharacteristic.setPermission(SECMODE_OPEN, SECMODE_NO_ACCESS);
    dataCharacteristic.setMaxLen(TALLRUN_HEADER_BYTES + TALLRUN_SAMPLES_PER_PACKET * TALLRUN_SAMPLE_BYTES);
    dataCharacteristic.begin();

    uint8_t info[TALLRUN_INFO_BYTES];
    const tallrun_info facts = {LOCATION, 1, 0, NRF_FICR->DEVICEID[0], G_PER_LSB, DPS_PER_LSB};
    tallrun_encode_info(&facts, info, sizeof info);
    infoCharacteristic.setProperties(CHR_PROPS_READ);
    infoCharacteristic.setPermission(SECMODE_OPEN, SECMODE_NO_ACCESS);
    infoCharacteristic.setFixedLen(sizeof info);
    infoCharacteristic.begin();
    infoCharacteristic.write(info, sizeof info);

    controlCharacteristic.setProperties(CHR_PROPS_WRITE);
    controlCharacteristic.setPermission(SECMODE_NO_ACCESS, SECMODE_OPEN);
    controlCharacteristic.setMaxLen(3);
    controlCharacteristic.setWriteCallback(onControl);
    controlCharacteristic.begin();

    timeCharacteristic.setProperties(CHR_PROPS_READ);
    timeCharacteristic.setPermission(SECMODE_OPEN, SECMODE_NO_ACCESS);
    timeCharacteristic.setFixedLen(4);
    timeCharacteristic.setReadAuthorizeCallback(onTimeRead);
    timeCharacteristic.begin();

    battery.begin();

    Bluefruit.Advertising.addFlags(BLE_GAP_ADV_FLAGS_LE_ONLY_GENERAL_DISC_MODE);
    Bluefruit.Advertising.addService(service);
    Bluefruit.ScanResponse.addName();
    Bluefruit.Advertising.restartOnDisconnect(true);
    Bluefruit.Advertising.start(0);
}

static bool isClipped(const int16_t *xyz) {
    for (int axis = 0; axis < 3; axis++) {
        if (xyz[axis] > 32100 || xyz[axis] < -32100) {
            return true; /* 0.98 of the range */
        }
    }
    return false;
}

static void sendBatch(bool overrun, uint32_t endUs) {
    const uint16_t n = TALLRUN_SAMPLES_PER_PACKET;
    uint8_t raw[WORDS_PER_SAMPLE * 2];
    uint8_t flags = overrun ? TALLRUN_FLAG_FIFO_OVERRUN : 0;
    for (uint16_t i = 0; i < n; i++) {
        for (uint16_t word = 0; word < WORDS_PER_SAMPLE; word++) {
            imu.readRegisterRegion(&raw[2 * word], REG_FIFO_DATA, 2);
        }
        memcpy(batch[i].gyr, &raw[0], 6); /* the FIFO holds the gyroscope first; both are little-endian */
        memcpy(batch[i].acc, &raw[6], 6);
        flags |= isClipped(batch[i].acc) ? TALLRUN_FLAG_ACC_CLIPPED : 0;
        flags |= isClipped(batch[i].gyr) ? TALLRUN_FLAG_GYR_CLIPPED : 0;
    }
    if (lastBatchEndUs != 0 && !overrun) {
        /* The chip's own oscillator sets the rate: measure it, slowly. */
        periodUs += 0.05f * (static_cast<float>(endUs - lastBatchEndUs) / n - periodUs);
    }
    lastBatchEndUs = endUs;

    tallrun_header header;
    header.flags = flags;
    header.sequence = sequence++; /* counts this packet even when the radio cannot take it */
    header.period_us = static_cast<uint16_t>(periodUs + 0.5f);
    header.t_first_us = endUs - (n - 1u) * header.period_us;
    header.acc_range = TALLRUN_ACC_16G;
    header.gyr_range = TALLRUN_GYR_2000DPS;
    uint8_t packet[TALLRUN_HEADER_BYTES + TALLRUN_SAMPLES_PER_PACKET * TALLRUN_SAMPLE_BYTES];
    const size_t length = tallrun_encode_packet(&header, batch, n, packet, sizeof packet);
    dataCharacteristic.notify(packet, length);
}

void loop() {
    if (!running || !Bluefruit.connected()) {
        running = running && Bluefruit.connected();
        delay(10);
        return;
    }
    uint8_t low = 0, high = 0;
    imu.readRegister(&low, REG_FIFO_STATUS1);
    imu.readRegister(&high, REG_FIFO_STATUS2);
    const uint16_t words = static_cast<uint16_t>(low | ((high & 0x07) << 8));
    const bool overrun = (high & 0x40) != 0;
    if (words >= TALLRUN_SAMPLES_PER_PACKET * WORDS_PER_SAMPLE) {
        /* Samples that came after the batch's last one are still in the FIFO: the batch ended that much ago. */
        const uint16_t later = words / WORDS_PER_SAMPLE - TALLRUN_SAMPLES_PER_PACKET;
        sendBatch(overrun, micros() - static_cast<uint32_t>(later * periodUs));
    } else {
        delay(2);
    }
}
