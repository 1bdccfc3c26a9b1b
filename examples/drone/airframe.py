"""The drone as its data sheet has it: the plant is made of this, and control laid out for it.

A quadrotor of half a kilogram with four propellers in an X. Axes of the body: x forward, y to the
left, z up; of the world: x and y level, z up. Seen from above the motors are

      1    2        1 front left, turns clockwise
       \\  /         2 front right, counter-clockwise
       /  \\         3 rear right, clockwise
      4    3        4 rear left, counter-clockwise

Angles are roll about x, pitch about y (nose down is positive) and yaw about z, applied in the
order yaw, pitch, roll. Everything is in SI units: metres, seconds, kilograms, newtons, radians.
"""

from __future__ import annotations

GRAVITY = 9.81
MASS = 0.5
INERTIA_X = 3.2e-3  # about the roll axis
INERTIA_Y = 3.2e-3  # about the pitch axis
INERTIA_Z = 5.6e-3  # about the yaw axis
LEVER = 0.085  # from a motor to the roll axis and to the pitch axis
YAW_ARM = 0.016  # newton metres of torque about z for each newton of a propeller's thrust
MOTOR_LAG = 0.03  # time constant of a motor's thrust
THRUST_LEAST = 0.1  # of one motor that turns: slower it would stall
THRUST_MOST = 2.6  # of one motor; hovering takes 1.23
DRAG = 0.15  # newtons for each metre per second of the air's speed past the drone

# What one count of each sensor's numbers means. The numbers are 16 bits and signed.
GYRO_COUNT = 1e-3
ACCELERATION_COUNT = 4e-3
POSITION_COUNT = 1e-3
HEADING_COUNT = 1e-3
THRUST_COUNT = 1e-3  # likewise of a motor's command, which is not signed

FRAME = 4e-3  # seconds from one frame of the sensors to the next
FRAMES_PER_FIX = 5  # every so many frames there is a new position
