/*
 * A camera for a machine that has none: preloaded, it answers a program's open, ioctl, mmap and close of one path as a
 * V4L2 device would, so that the program and the libraries that it uses run unchanged. All other files stay the C
 * library's. What it is like comes from a folder, FAKE_CAMERA:
 *
 *     scenario      lines of words:
 *                     path PATH             where it is
 *                     card TEXT             what it is called
 *                     format CODE           it has this format, in the sizes of the lines that follow
 *                     size WIDTHxHEIGHT RATE...
 *                     stepwise WIDTHxHEIGHT WIDTHxHEIGHT STEP   (sizes from, to)
 *                     gap BYTES             behind each row of pixels
 *                     colorspace NUMBER     as linux/videodev2.h counts
 *                     quantization NUMBER
 *                     damaged N             every so many buffers have V4L2_BUF_FLAG_ERROR
 *                     output                it is no camera, but takes pictures
 *                     control ID integer|boolean|menu|numbers LEAST MOST STEP DEFAULT [FLAGS]
 *                                           it has this control, with numbers as linux/v4l2-controls.h has them
 *                     coarse N              the last control's values become multiples of N, which nothing tells
 *                     item INDEX TEXT       of the last control's menu
 *                     active ID VALUE       the last control counts, and can be set, only where that one is at VALUE
 *     CODE-N        the picture N, from 0, in a format: bytes as the device delivers them; after the last the first
 *     unplugged     while this file is there, the device is not
 *     denied, busy, grabbed
 *                   while one is there, opening, streaming, or setting a control, is refused
 *     sets          a line for each control that was set: ID VALUE
 *
 * The descriptor that it gives out is one end of a pair of sockets, so that the kernel's own poll works: a byte lies in
 * it for each picture, and when it is unplugged the other end goes, which is POLLERR and POLLHUP, as of the real ones.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SIZES_MAX = 80, RATES_MAX = 8, FORMATS_MAX = 8, BUFFERS_MAX = 8, OPEN_MAX = 8, LOOK_AGAIN_US = 5000 };
enum { CONTROLS_MAX = 40, ITEMS_MAX = 8 };

struct size {
    unsigned width, height, rates[RATES_MAX], rate_count;
    /* Of a range: the largest, and the step; 0: it is one size. */
    unsigned width_max, height_max, step;
};
struct format {
    unsigned code;
    struct size sizes[SIZES_MAX];
    unsigned size_count;
};

struct control {
    struct v4l2_queryctrl told;
    struct v4l2_querymenu items[ITEMS_MAX];
    unsigned item_count, active_id;
    int value, coarse, active_value;
};

static struct {
    char folder[4096], path[4096], card[32];
    struct format formats[FORMATS_MAX];
    struct control controls[CONTROLS_MAX];
    unsigned format_count, control_count, gap, colorspace, quantization, damaged;
    bool is_output;
} scenario;

/* An open file of the device. */
static struct camera {
    bool is_open, is_streaming, is_gone;
    int near, far; /* the program's end, and ours */
    unsigned code, width, height, interval_us, buffer_count, buffer_bytes;
    int memory[BUFFERS_MAX];
    struct v4l2_buffer buffers[BUFFERS_MAX];
    /* Their indices, those to be filled and those that are, the oldest first. */
    unsigned queued[BUFFERS_MAX], queued_count, done[BUFFERS_MAX], done_count, sequence;
    pthread_t thread;
} cameras[OPEN_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static int (*real_ioctl)(int, unsigned long, ...);
static void *(*real_mmap)(void *, size_t, int, int, int, off_t);

static unsigned code_of(const char *text) {
    return v4l2_fourcc(text[0], text[1], text[2], text[3]);
}

/* Before anything else: other libraries' constructors, which may come before ours, open files as well. */
static void find_real(void) {
    if (real_open) return;
    real_close = dlsym(RTLD_NEXT, "close");
    real_ioctl = dlsym(RTLD_NEXT, "ioctl");
    real_mmap = dlsym(RTLD_NEXT, "mmap");
    real_open = dlsym(RTLD_NEXT, "open");
}

__attribute__((constructor)) static void begin(void) {
    char line[4096 + 64], name[4096 + 16], word[32];
    const char *folder = getenv("FAKE_CAMERA");
    struct control *control = NULL;
    FILE *file;
    find_real();
    if (!folder) return;
    snprintf(scenario.folder, sizeof scenario.folder, "%s", folder);
    snprintf(name, sizeof name, "%s/scenario", folder);
    file = fopen(name, "r");
    if (!file) abort();
    while (fgets(line, sizeof line, file)) {
        int at = 0;
        struct format *format = &scenario.formats[scenario.format_count - 1];
        struct size size = { 0 };
        if (sscanf(line, "%31s %n", word, &at) != 1) continue;
        const char *rest = line + at;
        line[strcspn(line, "\n")] = 0;
        if (!strcmp(word, "path")) strcpy(scenario.path, rest);
        else if (!strcmp(word, "card")) snprintf(scenario.card, sizeof scenario.card, "%.31s", rest);
        else if (!strcmp(word, "format")) scenario.formats[scenario.format_count++].code = code_of(rest);
        else if (!strcmp(word, "gap")) scenario.gap = atoi(rest);
        else if (!strcmp(word, "colorspace")) scenario.colorspace = atoi(rest);
        else if (!strcmp(word, "quantization")) scenario.quantization = atoi(rest);
        else if (!strcmp(word, "damaged")) scenario.damaged = atoi(rest);
        else if (!strcmp(word, "output")) scenario.is_output = true;
        else if (!strcmp(word, "stepwise")) {
            sscanf(rest, "%ux%u %ux%u %u", &size.width, &size.height, &size.width_max, &size.height_max, &size.step);
            format->sizes[format->size_count++] = size;
        } else if (!strcmp(word, "size")) {
            sscanf(rest, "%ux%u%n", &size.width, &size.height, &at);
            for (rest += at; sscanf(rest, "%u%n", &size.rates[size.rate_count], &at) == 1; rest += at)
                size.rate_count++;
            format->sizes[format->size_count++] = size;
        } else if (!strcmp(word, "control")) {
            control = &scenario.controls[scenario.control_count++];
            struct v4l2_queryctrl *told = &control->told;
            sscanf(rest, "%i %31s %d %d %d %d %i", (int *)&told->id, word, &told->minimum, &told->maximum, &told->step,
                   &told->default_value, (int *)&told->flags);
            told->type = *word == 'i' ? V4L2_CTRL_TYPE_INTEGER
                         : *word == 'b' ? V4L2_CTRL_TYPE_BOOLEAN
                         : *word == 'm' ? V4L2_CTRL_TYPE_MENU
                                        : V4L2_CTRL_TYPE_INTEGER_MENU;
            snprintf((char *)told->name, sizeof told->name, "control %x", told->id);
            control->value = told->default_value;
            control->coarse = 1;
        } else if (!strcmp(word, "coarse")) {
            control->coarse = atoi(rest);
        } else if (!strcmp(word, "item")) {
            struct v4l2_querymenu *item = &control->items[control->item_count++];
            item->id = control->told.id;
            item->index = strtoul(rest, (char **)&rest, 10);
            if (control->told.type == V4L2_CTRL_TYPE_INTEGER_MENU) item->value = atoi(rest);
            else snprintf((char *)item->name, sizeof item->name, "%s", rest + 1);
        } else if (!strcmp(word, "active")) {
            sscanf(rest, "%i %d", (int *)&control->active_id, &control->active_value);
        } else abort();
    }
    fclose(file);
}

/* Whether somebody has put this file there. */
static bool is_said(const char *name) {
    char path[4096 + 32];
    snprintf(path, sizeof path, "%s/%s", scenario.folder, name);
    return access(path, F_OK) == 0;
}

static struct camera *camera_of(int descriptor) {
    for (int i = 0; i < OPEN_MAX; i++)
        if (cameras[i].is_open && cameras[i].near == descriptor) return &cameras[i];
    return NULL;
}

/* Without power it forgets what it was set to. */
static void forget(void) {
    for (unsigned i = 0; i < scenario.control_count; i++)
        scenario.controls[i].value = scenario.controls[i].told.default_value;
}

/* --- Pictures */

/* The picture in that format, to a buffer; its length. */
static unsigned draw(struct camera *camera, unsigned index) {
    char name[4096 + 32];
    for (unsigned n = camera->sequence;; n = 0) {
        snprintf(name, sizeof name, "%s/%.4s-%u", scenario.folder, (char *)&camera->code, n);
        int file = real_open(name, O_RDONLY);
        if (file < 0 && n == 0) abort(); /* there is no picture */
        if (file < 0) {
            camera->sequence = 0;
            continue;
        }
        void *to = real_mmap(NULL, camera->buffer_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, camera->memory[index], 0);
        ssize_t length = read(file, to, camera->buffer_bytes);
        munmap(to, camera->buffer_bytes);
        real_close(file);
        camera->sequence++;
        return length < 0 ? 0 : length;
    }
}

static void *deliver(void *argument) {
    struct camera *camera = argument;
    unsigned delivered = 0;
    for (unsigned waited = 0;;) {
        usleep(LOOK_AGAIN_US);
        waited += LOOK_AGAIN_US;
        pthread_mutex_lock(&lock);
        if (!camera->is_streaming || camera->is_gone) break;
        if (is_said("unplugged")) {
            camera->is_gone = true;
            forget();
            real_close(camera->far); /* with a byte unread in it: see open */
            break;
        }
        if (waited >= camera->interval_us && camera->queued_count > 0) {
            unsigned index = camera->queued[0];
            struct v4l2_buffer *buffer = &camera->buffers[index];
            memmove(camera->queued, camera->queued + 1, --camera->queued_count * sizeof *camera->queued);
            buffer->bytesused = draw(camera, index);
            buffer->flags = V4L2_BUF_FLAG_MAPPED | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
            if (scenario.damaged && ++delivered % scenario.damaged == 0) buffer->flags |= V4L2_BUF_FLAG_ERROR;
            camera->done[camera->done_count++] = index;
            if (write(camera->far, "", 1) != 1) abort();
            waited = 0;
        }
        pthread_mutex_unlock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* --- Calls about the device */

static int refuse(int error) {
    errno = error;
    return -1;
}

static struct format *format_of(unsigned code) {
    for (unsigned i = 0; i < scenario.format_count; i++)
        if (scenario.formats[i].code == code) return &scenario.formats[i];
    return NULL;
}

static bool has(const struct size *size, unsigned width, unsigned height) {
    if (!size->step) return size->width == width && size->height == height;
    return width >= size->width && width <= size->width_max && height >= size->height && height <= size->height_max &&
           (width - size->width) % size->step == 0 && (height - size->height) % size->step == 0;
}

static struct size *size_of(struct format *format, unsigned width, unsigned height) {
    for (unsigned i = 0; format && i < format->size_count; i++)
        if (has(&format->sizes[i], width, height)) return &format->sizes[i];
    return NULL;
}

static void tell_format(struct camera *camera, struct v4l2_pix_format *pix) {
    bool is_file = camera->code == V4L2_PIX_FMT_MJPEG || camera->code == V4L2_PIX_FMT_JPEG;
    unsigned pixel = camera->code == V4L2_PIX_FMT_GREY || camera->code == V4L2_PIX_FMT_SBGGR8 ? 1 : 2;
    memset(pix, 0, sizeof *pix);
    pix->width = camera->width;
    pix->height = camera->height;
    pix->pixelformat = camera->code;
    pix->field = V4L2_FIELD_NONE;
    pix->bytesperline = is_file ? 0 : camera->width * pixel + scenario.gap;
    pix->sizeimage = is_file ? 1 << 20 : pix->bytesperline * camera->height;
    pix->colorspace = scenario.colorspace;
    pix->quantization = scenario.quantization;
}

static int set_format(struct camera *camera, struct v4l2_pix_format *pix) {
    struct format *format = format_of(pix->pixelformat);
    if (camera->is_streaming) return refuse(EBUSY);
    if (!format) format = &scenario.formats[0];
    struct size *size = size_of(format, pix->width, pix->height);
    camera->code = format->code;
    camera->width = size ? pix->width : format->sizes[0].width;
    camera->height = size ? pix->height : format->sizes[0].height;
    tell_format(camera, pix);
    return 0;
}

static int set_rate(struct camera *camera, struct v4l2_fract *interval) {
    struct size *size = size_of(format_of(camera->code), camera->width, camera->height);
    double wanted = (double)interval->denominator / interval->numerator, nearest = 0;
    for (unsigned i = 0; i < size->rate_count; i++) {
        double before = nearest > wanted ? nearest - wanted : wanted - nearest, rate = size->rates[i];
        if ((rate > wanted ? rate - wanted : wanted - rate) < before) nearest = rate;
    }
    if (nearest == 0) nearest = wanted;
    camera->interval_us = 1e6 / nearest;
    interval->numerator = 1;
    interval->denominator = nearest;
    return 0;
}

static int request_buffers(struct camera *camera, struct v4l2_requestbuffers *request) {
    struct v4l2_pix_format pix;
    if (is_said("busy")) return refuse(EBUSY);
    tell_format(camera, &pix);
    camera->buffer_count = request->count < BUFFERS_MAX ? request->count : BUFFERS_MAX;
    camera->buffer_bytes = (pix.sizeimage + 4095) & ~4095u;
    for (unsigned i = 0; i < camera->buffer_count; i++) {
        camera->memory[i] = memfd_create("buffer", MFD_CLOEXEC);
        if (camera->memory[i] < 0 || ftruncate(camera->memory[i], camera->buffer_bytes) != 0) abort();
        struct v4l2_buffer buffer = { .index = i, .type = request->type, .memory = V4L2_MEMORY_MMAP };
        buffer.length = camera->buffer_bytes;
        buffer.m.offset = i * camera->buffer_bytes;
        camera->buffers[i] = buffer;
    }
    request->count = camera->buffer_count;
    return 0;
}

static struct control *control_of(unsigned id) {
    for (unsigned i = 0; i < scenario.control_count; i++)
        if (scenario.controls[i].told.id == id) return &scenario.controls[i];
    return NULL;
}

static bool is_active(const struct control *control) {
    const struct control *by = control_of(control->active_id);
    return !by || by->value == control->active_value;
}

static int tell_control(struct v4l2_queryctrl *to) {
    const struct control *control = control_of(to->id);
    if (!control) return refuse(EINVAL);
    *to = control->told;
    if (!is_active(control)) to->flags |= V4L2_CTRL_FLAG_INACTIVE;
    return 0;
}

static int tell_item(struct v4l2_querymenu *to) {
    const struct control *control = control_of(to->id);
    for (unsigned i = 0; control && i < control->item_count; i++) {
        if (control->items[i].index != to->index) continue;
        *to = control->items[i];
        return 0;
    }
    return refuse(EINVAL);
}

/* As UVC's driver does it: what does not count now can't be set. */
static int set_control(const struct v4l2_control *from) {
    char path[4096 + 32];
    struct control *control = control_of(from->id);
    if (!control) return refuse(EINVAL);
    if (!is_active(control)) return refuse(EACCES);
    if (is_said("grabbed")) return refuse(EBUSY);
    if (from->value < control->told.minimum || from->value > control->told.maximum) return refuse(ERANGE);
    control->value = from->value / control->coarse * control->coarse;
    snprintf(path, sizeof path, "%s/sets", scenario.folder);
    FILE *file = fopen(path, "a");
    if (!file) abort();
    fprintf(file, "0x%x %d\n", from->id, from->value);
    fclose(file);
    return 0;
}

static int dequeue(struct camera *camera, struct v4l2_buffer *buffer) {
    char byte;
    bool waits = !(fcntl(camera->near, F_GETFL) & O_NONBLOCK);
    while (camera->done_count == 0) {
        if (!waits) return refuse(EAGAIN);
        pthread_mutex_unlock(&lock);
        poll(&(struct pollfd){ .fd = camera->near, .events = POLLIN }, 1, 100);
        pthread_mutex_lock(&lock);
        if (camera->is_gone) return refuse(ENODEV);
    }
    *buffer = camera->buffers[camera->done[0]];
    memmove(camera->done, camera->done + 1, --camera->done_count * sizeof *camera->done);
    if (recv(camera->near, &byte, 1, MSG_DONTWAIT) != 1) abort();
    return 0;
}

static void stop(struct camera *camera) {
    if (!camera->is_streaming) return;
    camera->is_streaming = false;
    pthread_mutex_unlock(&lock);
    pthread_join(camera->thread, NULL);
    pthread_mutex_lock(&lock);
}

static int answer(struct camera *camera, unsigned request, void *argument) {
    if (camera->is_gone || is_said("unplugged")) return refuse(ENODEV);
    switch (request) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *to = argument;
        memset(to, 0, sizeof *to);
        strcpy((char *)to->driver, "fake");
        strcpy((char *)to->card, scenario.card);
        to->device_caps = (scenario.is_output ? V4L2_CAP_VIDEO_OUTPUT : V4L2_CAP_VIDEO_CAPTURE) | V4L2_CAP_STREAMING;
        to->capabilities = to->device_caps | V4L2_CAP_DEVICE_CAPS;
        return 0;
    }
    case VIDIOC_ENUM_FMT: {
        struct v4l2_fmtdesc *to = argument;
        if (to->index >= scenario.format_count) return refuse(EINVAL);
        to->pixelformat = scenario.formats[to->index].code;
        return 0;
    }
    case VIDIOC_ENUM_FRAMESIZES: {
        struct v4l2_frmsizeenum *to = argument;
        struct format *format = format_of(to->pixel_format);
        if (!format || to->index >= format->size_count) return refuse(EINVAL);
        struct size *size = &format->sizes[to->index];
        if (size->step) {
            to->type = V4L2_FRMSIZE_TYPE_STEPWISE;
            to->stepwise = (struct v4l2_frmsize_stepwise){
                size->width, size->width_max, size->step, size->height, size->height_max, size->step,
            };
        } else {
            to->type = V4L2_FRMSIZE_TYPE_DISCRETE;
            to->discrete = (struct v4l2_frmsize_discrete){ size->width, size->height };
        }
        return 0;
    }
    case VIDIOC_ENUM_FRAMEINTERVALS: {
        struct v4l2_frmivalenum *to = argument;
        struct size *size = size_of(format_of(to->pixel_format), to->width, to->height);
        if (!size || to->index >= size->rate_count) return refuse(EINVAL);
        to->type = V4L2_FRMIVAL_TYPE_DISCRETE;
        to->discrete = (struct v4l2_fract){ 1, size->rates[to->index] };
        return 0;
    }
    case VIDIOC_G_FMT:
        tell_format(camera, &((struct v4l2_format *)argument)->fmt.pix);
        return 0;
    case VIDIOC_S_FMT:
        return set_format(camera, &((struct v4l2_format *)argument)->fmt.pix);
    case VIDIOC_S_PARM:
        return set_rate(camera, &((struct v4l2_streamparm *)argument)->parm.capture.timeperframe);
    case VIDIOC_QUERYCTRL:
        return tell_control(argument);
    case VIDIOC_QUERYMENU:
        return tell_item(argument);
    case VIDIOC_G_CTRL: {
        struct v4l2_control *to = argument;
        const struct control *control = control_of(to->id);
        if (!control) return refuse(EINVAL);
        to->value = control->value;
        return 0;
    }
    case VIDIOC_S_CTRL:
        return set_control(argument);
    case VIDIOC_REQBUFS:
        return request_buffers(camera, argument);
    case VIDIOC_QUERYBUF: {
        struct v4l2_buffer *to = argument;
        if (to->index >= camera->buffer_count) return refuse(EINVAL);
        *to = camera->buffers[to->index];
        return 0;
    }
    case VIDIOC_QBUF:
        camera->queued[camera->queued_count++] = ((struct v4l2_buffer *)argument)->index;
        return 0;
    case VIDIOC_DQBUF:
        return dequeue(camera, argument);
    case VIDIOC_STREAMON:
        camera->is_streaming = true;
        return pthread_create(&camera->thread, NULL, deliver, camera) ? refuse(ENOMEM) : 0;
    case VIDIOC_STREAMOFF:
        stop(camera);
        return 0;
    default:
        return refuse(ENOTTY);
    }
}

/* --- What stands in front of the C library's */

static int open_camera(void) {
    int pair[2];
    if (is_said("unplugged")) {
        forget();
        return refuse(ENOENT);
    }
    if (is_said("denied")) return refuse(EACCES);
    pthread_mutex_lock(&lock);
    struct camera *camera = cameras;
    while (camera < cameras + OPEN_MAX && camera->is_open) camera++;
    if (camera == cameras + OPEN_MAX || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) abort();
    /* A byte that nobody reads makes of our end's closing an error at the other. */
    if (write(pair[0], "", 1) != 1) abort();
    *camera = (struct camera){ .is_open = true, .near = pair[0], .far = pair[1], .interval_us = 33333 };
    camera->code = scenario.formats[0].code;
    camera->width = scenario.formats[0].sizes[0].width;
    camera->height = scenario.formats[0].sizes[0].height;
    pthread_mutex_unlock(&lock);
    return pair[0];
}

int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    find_real();
    if (scenario.path[0] && !strcmp(path, scenario.path)) return open_camera();
    return real_open(path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int ioctl(int descriptor, unsigned long request, ...) {
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    find_real();
    pthread_mutex_lock(&lock);
    struct camera *camera = camera_of(descriptor);
    int result = camera ? answer(camera, request, argument) : 0;
    pthread_mutex_unlock(&lock);
    return camera ? result : real_ioctl(descriptor, request, argument);
}

void *mmap(void *at, size_t length, int rights, int flags, int descriptor, off_t offset) {
    find_real();
    pthread_mutex_lock(&lock);
    struct camera *camera = descriptor >= 0 ? camera_of(descriptor) : NULL;
    if (camera) {
        descriptor = camera->memory[offset / camera->buffer_bytes];
        offset = 0;
    }
    pthread_mutex_unlock(&lock);
    return real_mmap(at, length, rights, flags, descriptor, offset);
}

void *mmap64(void *at, size_t length, int rights, int flags, int descriptor, off_t offset)
    __attribute__((alias("mmap")));

int close(int descriptor) {
    find_real();
    pthread_mutex_lock(&lock);
    struct camera *camera = descriptor >= 0 ? camera_of(descriptor) : NULL;
    if (camera) {
        stop(camera); /* one that was unplugged can't be told to */
        for (unsigned i = 0; i < camera->buffer_count; i++) real_close(camera->memory[i]);
        if (!camera->is_gone) real_close(camera->far);
        camera->is_open = false;
    }
    pthread_mutex_unlock(&lock);
    return real_close(descriptor);
}
