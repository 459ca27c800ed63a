"""A program with a Spark Connect session, which has no JVM of its own: a write, its rejected rows, and a refusal.

connect_program.py FOLDER BASE_URL TOKEN

COR_CONFIG names a configuration file with the profile "work".
"""

from __future__ import annotations

import sys

import projectcor.spark
from connectors.spark.support import CONF, SOURCE
from pyspark.sql import SparkSession


def main() -> None:
    folder, base_url, token = sys.argv[1:4]
    builder = SparkSession.builder.remote("local[2]")
    for name, value in CONF.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    print(type(spark).__module__)
    projectcor.spark.register(spark)

    df = spark.range(0, 11, 1, 4).selectExpr("concat('D-', id) as id", "cast(id as decimal(18,2)) estimated", "id seq")
    ordered = projectcor.spark.in_order(df, by="seq")
    writer = ordered.write.format("cor").mode("append").options(source=SOURCE, token=token, baseUrl=base_url)
    for options in ({"rejects": folder}, {"partition": "1"}):
        try:
            writer.options(**options).save()
        except Exception as error:
            print(error)
    one = spark.sql("select 'D-3' as id, 'By profile' as name")
    one.write.format("cor").mode("append").options(source=SOURCE, profile="work").save()
    spark.stop()


if __name__ == "__main__":
    main()
