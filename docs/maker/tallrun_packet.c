/* See tallrun_packet.h. SPDX-License-Identifier: Apache-2.0 */
#include "tallrun_packet.h"

#include <string.h>

static uint8_t *put_u16(uint8_t *at, uint16_t value) {
    at[0] = (uint8_t)(value & 0xFFu);
    at[1] = (uint8_t)(value >> 8);
    return at + 2;
}

static uint8_t *put_u32(uint8_t *at, uint32_t value) {
    at = put_u16(at, (uint16_t)(value & 0xFFFFu));
    return put_u16(at, (uint16_t)(value >> 16));
}

static uint8_t *put_f32(uint8_t *at, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return put_u32(at, bits);
}

size_t tallrun_encode_packet(const tallrun_header *header, const tallrun_sample *samples, size_t n, uint8_t *out,
                             size_t out_bytes) {
    const size_t bytes = TALLRUN_HEADER_BYTES + n * TALLRUN_SAMPLE_BYTES;
    uint8_t *at = out;
    size_t i;
    int axis;

    if (n == 0 || n > 255 || header->period_us == 0 || bytes > out_bytes) {
        return 0;
    }
    if ((unsigned)header->acc_range > TALLRUN_ACC_16G || (unsigned)header->gyr_range > TALLRUN_GYR_2000DPS) {
        return 0;
    }
    *at++ = TALLRUN_PACKET_VERSION;
    *at++ = header->flags;
    at = put_u16(at, header->sequence);
    at = put_u32(at, header->t_first_us);
    at = put_u16(at, header->period_us);
    *at++ = (uint8_t)n;
    *at++ = (uint8_t)((unsigned)header->acc_range | ((unsigned)header->gyr_range << 4));
    for (i = 0; i < n; i++) {
        for (axis = 0; axis < 3; axis++) {
            at = put_u16(at, (uint16_t)samples[i].acc[axis]);
        }
        for (axis = 0; axis < 3; axis++) {
            at = put_u16(at, (uint16_t)samples[i].gyr[axis]);
        }
    }
    return bytes;
}

size_t tallrun_encode_info(const tallrun_info *info, uint8_t *out, size_t out_bytes) {
    uint8_t *at = out;

    if (out_bytes < TALLRUN_INFO_BYTES) {
        return 0;
    }
    *at++ = TALLRUN_PACKET_VERSION;
    *at++ = (uint8_t)info->location;
    *at++ = info->firmware_major;
    *at++ = info->firmware_minor;
    at = put_u32(at, info->sensor_id);
    at = put_f32(at, info->g_per_lsb);
    (void)put_f32(at, info->dps_per_lsb);
    return TALLRUN_INFO_BYTES;
}
