"""The triggers and views of revision 0001 in SQLite, written out: revisions do not follow later changes."""

TRIGGERS = {
    "update_activity_from_od_readings": """
        CREATE TRIGGER update_activity_from_od_readings AFTER INSERT ON od_readings BEGIN
        INSERT INTO pioreactor_unit_activity_data (experiment, pioreactor_unit, timestamp,
          od_reading) VALUES (new.experiment, new.pioreactor_unit, new.timestamp, new.od_reading)
        ON CONFLICT (experiment, pioreactor_unit, timestamp) DO UPDATE SET od_reading = excluded.od_reading;
        END""",
    "update_activity_from_od_readings_fused": """
        CREATE TRIGGER update_activity_from_od_readings_fused AFTER INSERT ON od_readings_fused BEGIN
        INSERT INTO pioreactor_unit_activity_data (experiment, pioreactor_unit, timestamp,
          od_fused) VALUES (new.experiment, new.pioreactor_unit, new.timestamp, new.od_reading)
        ON CONFLICT (experiment, pioreactor_unit, timestamp) DO UPDATE SET od_fused = excluded.od_fused;
        END""",
    "update_activity_from_od_readings_filtered": """
        CREATE TRIGGER update_activity_from_od_readings_filtered AFTER INSERT ON od_readings_filtered BEGIN
        INSERT INTO pioreactor_unit_activity_data (experiment, pioreactor_unit, timestamp,
          normalized_od_reading) VALUES (new.experiment, new.pioreactor_unit, new.timestamp,
          new.normalized_od_reading)
        ON CONFLICT (experiment, pioreactor_unit,
          timestamp) DO UPDATE SET normalized_od_reading = excluded.normalized_od_reading;
        END""",
    "update_activity_from_growth_rates": """
        CREATE TRIGGER update_activity_from_growth_rates AFTER INSERT ON growth_rates BEGIN
        INSERT INTO pioreactor_unit_activity_data (experiment, pioreactor_unit, timestamp,
          growth_rate) VALUES (new.experiment, new.pioreactor_unit, new.timestamp, new.rate)
        ON CONFLICT (experiment, pioreactor_unit, timestamp) DO UPDATE SET growth_rate = excluded.growth_rate;
        END""",
    "update_activity_from_temperature_readings": """
        CREATE TRIGGER update_activity_from_temperature_readings AFTER INSERT ON temperature_readings BEGIN
        INSERT INTO pioreactor_unit_activity_data (experiment, pioreactor_unit, timestamp,
          temperature_c) VALUES (new.experiment, new.pioreactor_unit, new.timestamp, new.temperature_c)
        ON CONFLICT (experiment, pioreactor_unit, timestamp) DO UPDATE SET temperature_c = excluded.temperature_c;
        END""",
    "update_activity_from_stirring_rates": """
        CREATE TRIGGER update_activity_from_stirring_rates AFTER INSERT ON stirring_rates BEGIN
        INSERT INTO pioreactor_unit_activity_data (experiment, pioreactor_unit, timestamp,
          measured_rpm) VALUES (new.experiment, new.pioreactor_unit, new.timestamp, new.measured_rpm)
        ON CONFLICT (experiment, pioreactor_unit, timestamp) DO UPDATE SET measured_rpm = excluded.measured_rpm;
        END""",
    "update_activity_from_led_change_events": """
        CREATE TRIGGER update_activity_from_led_change_events AFTER INSERT ON led_change_events BEGIN
        INSERT INTO pioreactor_unit_activity_data (experiment, pioreactor_unit, timestamp,
          led_a_intensity_update, led_b_intensity_update, led_c_intensity_update,
          led_d_intensity_update) VALUES (new.experiment, new.pioreactor_unit, new.timestamp,
          CASE new.channel WHEN 'A' THEN new.intensity END, CASE new.channel WHEN 'B' THEN new.intensity END,
          CASE new.channel WHEN 'C' THEN new.intensity END, CASE new.channel WHEN 'D' THEN new.intensity END)
        ON CONFLICT (experiment, pioreactor_unit,
          timestamp) DO UPDATE SET led_a_intensity_update = COALESCE(excluded.led_a_intensity_update,
          led_a_intensity_update), led_b_intensity_update = COALESCE(excluded.led_b_intensity_update,
          led_b_intensity_update), led_c_intensity_update = COALESCE(excluded.led_c_intensity_update,
          led_c_intensity_update), led_d_intensity_update = COALESCE(excluded.led_d_intensity_update,
          led_d_intensity_update);
        END""",
    "update_activity_from_dosing_events": """
        CREATE TRIGGER update_activity_from_dosing_events AFTER INSERT ON dosing_events
        WHEN new.event IN ('add_media', 'remove_waste', 'add_alt_media') BEGIN
        INSERT INTO pioreactor_unit_activity_data (experiment, pioreactor_unit, timestamp, add_media_ml,
          remove_waste_ml, add_alt_media_ml) VALUES (new.experiment, new.pioreactor_unit, new.timestamp,
          CASE new.event WHEN 'add_media' THEN new.volume_change_ml END,
          CASE new.event WHEN 'remove_waste' THEN new.volume_change_ml END,
          CASE new.event WHEN 'add_alt_media' THEN new.volume_change_ml END)
        ON CONFLICT (experiment, pioreactor_unit,
          timestamp) DO UPDATE SET add_media_ml = COALESCE(add_media_ml + excluded.add_media_ml,
          excluded.add_media_ml, add_media_ml),
          remove_waste_ml = COALESCE(remove_waste_ml + excluded.remove_waste_ml, excluded.remove_waste_ml,
          remove_waste_ml), add_alt_media_ml = COALESCE(add_alt_media_ml + excluded.add_alt_media_ml,
          excluded.add_alt_media_ml, add_alt_media_ml);
        END""",
    "insert_experiment_worker_assignments_history": """
        CREATE TRIGGER insert_experiment_worker_assignments_history
        AFTER INSERT ON experiment_worker_assignments BEGIN
        INSERT OR IGNORE INTO experiment_worker_assignments_history
        (pioreactor_unit, experiment, assigned_at)
        VALUES (new.pioreactor_unit, new.experiment, new.assigned_at);
        END""",
    "end_experiment_worker_assignments_history": """
        CREATE TRIGGER end_experiment_worker_assignments_history
        AFTER DELETE ON experiment_worker_assignments BEGIN
        UPDATE experiment_worker_assignments_history
        SET unassigned_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
        WHERE pioreactor_unit = old.pioreactor_unit AND experiment = old.experiment
        AND unassigned_at IS NULL;
        END""",
}

VIEWS = {
    "latest_experiment": """
        CREATE VIEW latest_experiment AS
        SELECT experiment, created_at, description,
        ROUND((julianday('now') - julianday(created_at)) * 24, 0) AS delta_hours
        FROM experiments ORDER BY rowid DESC LIMIT 1""",
    "pioreactor_unit_activity_data_rollup": """
        CREATE VIEW pioreactor_unit_activity_data_rollup AS
        SELECT experiment, pioreactor_unit, SUBSTR(timestamp, 1, 16) || ':00.000Z' AS timestamp,
        AVG(od_reading) AS avg_od_reading, AVG(od_fused) AS avg_od_fused,
          AVG(normalized_od_reading) AS avg_normalized_od_reading, AVG(temperature_c) AS avg_temperature_c,
          AVG(growth_rate) AS avg_growth_rate, AVG(measured_rpm) AS avg_measured_rpm,
          SUM(add_media_ml) AS sum_add_media_ml, SUM(remove_waste_ml) AS sum_remove_waste_ml,
          SUM(add_alt_media_ml) AS sum_add_alt_media_ml
        FROM pioreactor_unit_activity_data GROUP BY experiment, pioreactor_unit, SUBSTR(timestamp, 1, 16)""",
}
