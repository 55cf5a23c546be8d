"""Has OpenCV read frames of a stream, as its users do: opencv.py URL COUNT. A line with the size, then every frame's
pixels, blue, green and red of each, to standard output; exit code 1 where the stream ends before."""

import sys

import cv2

stream = cv2.VideoCapture(sys.argv[1])
for number in range(int(sys.argv[2])):
    is_there, frame = stream.read()
    if not is_there:
        sys.exit(f"no frame {number}")
    if number == 0:
        print("%dx%dx%d" % (frame.shape[1], frame.shape[0], frame.shape[2]), flush=True)
    sys.stdout.buffer.write(frame.tobytes())
