/* Encoder of the tallrun open packet (docs/open-packet.md), version 1.
 *
 * C99, no dependencies, no allocation, no global state. Little-endian bytes are written one by one, so the
 * result is the same on every processor. SPDX-License-Identifier: Apache-2.0
 */
#ifndef TALLRUN_PACKET_H
#define TALLRUN_PACKET_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TALLRUN_PACKET_VERSION 1u
#define TALLRUN_HEADER_BYTES 12u
#define TALLRUN_SAMPLE_BYTES 12u
#define TALLRUN_INFO_BYTES 16u
/* Most samples that fit one notification of 244 bytes (MTU 247). */
#define TALLRUN_SAMPLES_PER_PACKET 19u

/* Flags of a packet; OR them together. */
#define TALLRUN_FLAG_ACC_CLIPPED 0x01u
#define TALLRUN_FLAG_GYR_CLIPPED 0x02u
#define TALLRUN_FLAG_FIFO_OVERRUN 0x04u
#define TALLRUN_FLAG_CLOCK_SYNCED 0x08u

/* Range codes. */
typedef enum { TALLRUN_ACC_2G, TALLRUN_ACC_4G, TALLRUN_ACC_8G, TALLRUN_ACC_16G } tallrun_acc_range;
typedef enum {
    TALLRUN_GYR_125DPS,
    TALLRUN_GYR_250DPS,
    TALLRUN_GYR_500DPS,
    TALLRUN_GYR_1000DPS,
    TALLRUN_GYR_2000DPS
} tallrun_gyr_range;

/* Where the sensor is worn; 0 when not configured. */
typedef enum {
    TALLRUN_LOCATION_UNKNOWN,
    TALLRUN_LOCATION_FOOT_LEFT,
    TALLRUN_LOCATION_FOOT_RIGHT,
    TALLRUN_LOCATION_PELVIS,
    TALLRUN_LOCATION_TRUNK
} tallrun_location;

typedef struct {
    int16_t acc[3]; /* raw counts, sensor's own axes */
    int16_t gyr[3];
} tallrun_sample;

typedef struct {
    uint8_t flags;
    uint16_t sequence;   /* +1 per generated packet, sent or not */
    uint32_t t_first_us; /* device timer at the first sample; wraps */
    uint16_t period_us;  /* as measured by the device, not the nominal one; never 0 */
    tallrun_acc_range acc_range;
    tallrun_gyr_range gyr_range;
} tallrun_header;

typedef struct {
    tallrun_location location;
    uint8_t firmware_major;
    uint8_t firmware_minor;
    uint32_t sensor_id;
    float g_per_lsb;
    float dps_per_lsb;
} tallrun_info;

/* Writes one packet of n samples into out. Returns the bytes written; 0 when n or the period is 0, n exceeds
 * 255, a range is not one of the codes above, or out is too small. */
size_t tallrun_encode_packet(const tallrun_header *header, const tallrun_sample *samples, size_t n, uint8_t *out,
                             size_t out_bytes);

/* Writes the value of the info characteristic. Returns TALLRUN_INFO_BYTES; 0 when out is too small. */
size_t tallrun_encode_info(const tallrun_info *info, uint8_t *out, size_t out_bytes);

#ifdef __cplusplus
}
#endif

#endif
